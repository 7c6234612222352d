import gc
import os
import tempfile
import types
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.augmentation import crop_boxes, crop_draws
from pipelines.decoded_images import decode_images
from pipelines.streams import batches_in_order
from tests.pipelines.numbered_source import numbered_task, numbers


def _split(count=600):
    return numbered_task(num_train=count).load("train", validation_share=0)


def _decode(dataset, cache_dir=None):
    return decode_images(dataset, numbered_task(), cache_dir)


def _broken_split(count, reason):
    """A split whose third example raises."""

    def read(image, label):
        check = tf.debugging.assert_none_equal(
            image[0, 0, 0], tf.constant(2, tf.uint8), message=reason
        )
        with tf.control_dependencies([check]):
            return tf.identity(image), label

    return _split(count).map(read)


def own_memory():
    """Bytes of this process that lie in memory, but for mapped files."""
    (line,) = [line for line in open("/proc/self/status") if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024


class DecodeImagesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())

    def _cache_dir(self, on_disk):
        return self.folder if on_disk else None

    @parameterized.parameters(False, True)
    def test_images_and_labels_are_the_split_in_order(self, on_disk):
        expected = list(_split().as_numpy_iterator())
        decoded = _decode(_split(), self._cache_dir(on_disk))
        self.assertLen(decoded, 600)
        images, labels = decoded.take(np.arange(600))
        self.assertAllEqual(images, [image for image, _ in expected])
        self.assertAllEqual(labels, [label for _, label in expected])

    @parameterized.parameters(False, True)
    def test_take_gives_the_examples_of_the_numbers(self, on_disk):
        decoded = _decode(_split(200), self._cache_dir(on_disk))
        images, labels = tf.function(decoded.take)(tf.constant([7, 199, 0, 7]))
        self.assertEqual(numbers(images), [7, 199, 0, 7])
        self.assertAllEqual(labels, [1, 1, 0, 1])

    def test_crops_are_parts_of_the_images(self):
        # A pixel shows its place, so that a part begins and ends with the colours of its corners.
        rows, columns = np.meshgrid(*[np.arange(33.0) * 7] * 2, indexing="ij")
        image = np.stack([rows, columns], axis=-1).astype(np.uint8)
        dataset = tf.data.Dataset.from_tensor_slices(([image, 255 - image], [3, 4]))
        spec = types.SimpleNamespace(name="places", image_shape=image.shape, num_classes=5)
        decoded = decode_images(dataset, spec)
        draws = crop_draws(40, (1, 2), 0.1)
        crops, labels = decoded.take_crops(tf.constant([0, 1] * 20), draws)
        self.assertAllEqual(labels, [3, 4] * 20)
        self.assertEqual(crops.shape, (40, 33, 33, 2))
        crops = crops.numpy().astype(float)
        crops[1::2] = 255 - crops[1::2]
        boxes = 224 * crop_boxes(draws.numpy(), (33, 33), 1, 1)
        self.assertAllClose(crops[:, 0, 0], boxes[:, :2], rtol=0, atol=1)
        self.assertAllClose(crops[:, -1, -1], boxes[:, 2:], rtol=0, atol=1)

    def test_disk_file_has_no_name(self):
        decoded = _decode(_split(), self.folder)
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(numbers(decoded.take(np.array([5, 6]))[0]), [5, 6])

    def test_images_are_held_once_and_given_back(self):
        count, shape = 2**14, (64, 64, 1)
        spec = types.SimpleNamespace(name="many", image_shape=shape, num_classes=count)
        dataset = tf.data.Dataset.range(count, output_type=tf.int32).map(
            lambda label: (tf.fill(shape, tf.cast(label % 251, tf.uint8)), label)
        )
        before = own_memory()
        batches = batches_in_order(decode_images(dataset, spec), 64)
        found = [numbers(images) for images, _ in batches]
        self.assertEqual(sum(found, []), [number % 251 for number in range(count)])
        grown = own_memory() - before
        self.assertBetween(grown, 0.9 * 2**26, 1.5 * 2**26)
        del batches
        gc.collect()
        self.assertLess(own_memory() - before, 0.5 * 2**26)

    @parameterized.parameters(-1, 1)
    def test_label_outside_the_classes_is_refused(self, change):
        dataset = _split().map(lambda image, label: (image, label + change))
        with self.assertRaisesRegex(ValueError, r"`labels` of 'numbered' must be in .* Received"):
            _decode(dataset)

    @parameterized.parameters(False, True)
    def test_unreadable_image_is_named(self, on_disk):
        with self.assertRaisesRegex(ValueError, "`images` of 'numbered' must be readable.*torn"):
            _decode(_broken_split(9, "torn"), self._cache_dir(on_disk))
        self.assertEqual(os.listdir(self.folder), [])

    def test_split_that_ends_early_is_refused(self):
        dataset = _split(10).take(8)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(10))
        with self.assertRaisesRegex(ValueError, "`images` of 'numbered' must be"):
            _decode(dataset)

    @parameterized.parameters((600 * 16 - 1, False), (600 * 16, True))
    def test_images_that_do_not_fit_in_memory_are_refused(self, available, fits):
        with mock.patch("pipelines.decoded_images.available_memory", return_value=available):
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
