import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources import readable_images
from pipelines.sources.readable_images import ReadableImages
from tests.pipelines.own_images import damage, digit_images, write_class


class ReadableImagesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        files = sorted(write_class(folder, "two", 5).iterdir())
        damage(files[1])
        files[3].write_bytes(b"no image")
        self.paths = [str(path) for path in files]
        self.decode = self.enter_context(
            mock.patch.object(readable_images, "decode_image", wraps=readable_images.decode_image)
        )

    def test_files_that_cannot_be_read_are_found_with_the_reason(self):
        faults = ReadableImages(8, 1, "crop").faults(self.paths)
        self.assertEqual(list(faults), [self.paths[1], self.paths[3]])
        self.assertEqual(faults[self.paths[3]], "no image of a known kind")

    def test_a_file_that_is_gone(self):
        path = str(pathlib.Path(self.paths[0]).with_name("gone.png"))
        faults = ReadableImages(8, 1, "crop").faults([path])
        self.assertEqual(faults, {path: "No such file or directory"})

    @parameterized.parameters((2**20, 5), (2 * 64 + 1, 6), (0, 8))
    def test_kept_images_are_decoded_once(self, kept_bytes, expected):
        images = ReadableImages(8, 1, "crop", kept_bytes)
        for _ in range(2):
            self.assertLen(images.faults(self.paths), 2)
        for number in (0, 2, 4):
            image = images.read(self.paths[number])
            self.assertAllEqual(image[..., 0], digit_images("two", 5)[number])
        self.assertEqual(self.decode.call_count, expected)

    def test_a_file_that_breaks_later_is_named(self):
        images = ReadableImages(8, 1, "crop", kept_bytes=0)
        images.faults(self.paths)
        pathlib.Path(self.paths[0]).write_bytes(b"")
        with self.assertRaisesRegex(ValueError, "00.png must be a whole image"):
            images.read(self.paths[0])

    def test_too_little_memory_is_no_fault_of_the_file(self):
        self.decode.side_effect = MemoryError
        with self.assertRaises(MemoryError):
            ReadableImages(8, 1, "crop").faults(self.paths)


if __name__ == "__main__":
    tf.test.main()
