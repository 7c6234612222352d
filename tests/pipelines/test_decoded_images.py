import os
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines import Split
from pipelines.decoded_images import decode_images
from tests.pipelines.numbered_source import NumberedSource, numbers


def _split(count=600):
    return NumberedSource(count, 1).load("train", validation_share=0)


def _decode(split, cache_dir=None, num_classes=2):
    return decode_images(split, "numbered", num_classes, cache_dir)


def _broken_split(count, reason):
    """A split whose third example raises."""

    def read(image, label):
        check = tf.debugging.assert_none_equal(
            image[0, 0, 0], tf.constant(2, tf.uint8), message=reason
        )
        with tf.control_dependencies([check]):
            return tf.identity(image), label

    split = _split(count)
    return Split(split.dataset.map(read), count)


class DecodeImagesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())

    def _cache_dir(self, on_disk):
        return self.folder if on_disk else None

    @parameterized.parameters(False, True)
    def test_images_and_labels_are_the_split_in_order(self, on_disk):
        expected = list(_split().dataset.as_numpy_iterator())
        decoded = _decode(_split(), self._cache_dir(on_disk))
        self.assertLen(decoded, 600)
        self.assertAllEqual(decoded.images, [image for image, _ in expected])
        self.assertAllEqual(decoded.labels, [label for _, label in expected])
        self.assertEqual(isinstance(decoded.images, np.memmap), on_disk)

    @parameterized.parameters(False, True)
    def test_take_gives_the_examples_of_the_numbers(self, on_disk):
        decoded = _decode(_split(200), self._cache_dir(on_disk))
        images, labels = tf.function(decoded.take)(tf.constant([7, 199, 0, 7]))
        self.assertEqual(numbers(images), [7, 199, 0, 7])
        self.assertAllEqual(labels, [1, 1, 0, 1])

    def test_disk_file_has_no_name(self):
        decoded = _decode(_split(), self.folder)
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(numbers(decoded.images[5:7]), [5, 6])

    @parameterized.parameters(1, 2)
    def test_label_outside_the_classes_is_refused(self, num_classes):
        split = _split()
        dataset = split.dataset.map(lambda image, label: (image, label - 1))
        with self.assertRaisesRegex(ValueError, r"`labels` of 'numbered' must be in .* Received"):
            _decode(Split(dataset, 600), num_classes=num_classes)

    @parameterized.parameters(False, True)
    def test_unreadable_image_is_named(self, on_disk):
        with self.assertRaisesRegex(ValueError, "`images` of 'numbered' must be readable.*torn"):
            _decode(_broken_split(9, "torn"), self._cache_dir(on_disk))
        self.assertEqual(os.listdir(self.folder), [])

    def test_split_that_ends_early_is_refused(self):
        dataset = _split(10).dataset.take(8)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(10))
        with self.assertRaisesRegex(ValueError, "`images` of 'numbered' must be"):
            _decode(Split(dataset, 10))

    @parameterized.parameters((600 * 16 - 1, False), (600 * 16, True))
    def test_images_that_do_not_fit_in_memory_are_refused(self, available, fits):
        memory = mock.Mock(available=available)
        with mock.patch("psutil.virtual_memory", return_value=memory):
            if fits:
                self.assertLen(_decode(_split()), 600)
            else:
                with self.assertRaisesRegex(ValueError, "`cache_dir` must .* Received: cache_dir"):
                    _decode(_split())
            self.assertLen(_decode(_split(), self.folder), 600)

    @parameterized.parameters("absent", "file")
    def test_cache_dir_must_be_a_folder(self, name):
        path = os.path.join(self.folder, name)
        if name == "file":
            open(path, "w").close()
        with self.assertRaisesRegex(FileNotFoundError, "`cache_dir` must .* Received: cache_dir="):
            _decode(_split(), path)


if __name__ == "__main__":
    tf.test.main()
