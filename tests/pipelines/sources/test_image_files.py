import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from pipelines.sources import FashionMnistSmallSource, ReadableImages, image_files, image_suffixes
from pipelines.sources.image_files import decode_image
from tests.pipelines.own_images import damage, digit_images, write_class

# Four pixels of different colours, in a row of two by two.
_COLOURS = np.array([[[255, 0, 0], [0, 200, 0]], [[0, 0, 100], [30, 60, 90]]], np.uint8)
_OPACITY = np.array([[255, 128], [0, 51]], np.uint8)


def _clothes():
    """Returns real images, uint8 `(28, 28, 3)`: three grey ones as three colours."""
    images, _ = FashionMnistSmallSource().read("test")
    return np.moveaxis(images[:3, :, :, 0], 0, -1)


def _on_white(colours, opacity):
    """Returns colours over white paper, by the definition of opacity."""
    share = opacity[..., np.newaxis] / 255
    return colours * share + 255 * (1 - share)


def _palette():
    image = Image.fromarray(np.array([[3, 1], [0, 2]], np.uint8), "P")
    image.putpalette([0, 0, 100, 0, 200, 0, 30, 60, 90, 255, 0, 0])
    return image


def _pixels(rows):
    return np.array(rows)[..., np.newaxis]


_GREY = np.array([[0, 100], [200, 50]], np.uint8)
_INKS = np.array([[[0, 255, 255, 0], [255, 0, 0, 51]], [[0] * 4, [0, 0, 0, 255]]], np.uint8)
_PAPER = 255 - _INKS[..., 3:]  # What black ink leaves of it.
_WHITE_FOR_BLUE = np.where((_COLOURS == (0, 0, 100)).all(-1, keepdims=True), 255, _COLOURS)
_DOTS = Image.fromarray(np.array([[True, False], [False, True]]))
_WITH_OPACITY = Image.fromarray(np.concatenate([_COLOURS, _OPACITY[..., np.newaxis]], axis=-1))
_GREY_WITH_OPACITY = Image.fromarray(np.stack([_GREY, _OPACITY], axis=-1), "LA")
_ON_WHITE = _on_white(_COLOURS, _OPACITY)
# Of 65535, the white: 0, a hundredth of a step, half and all of it.
_16_BITS = Image.fromarray(np.array([[0, 3], [32768, 65535]], np.uint16))
# An image of two by two pixels, the file and how it is saved, and its pixels in 1 or 3 channels.
_MODES = (
    (Image.fromarray(_COLOURS), "a.png", {}, _COLOURS @ _pixels([0.299, 0.587, 0.114])),
    (_DOTS, "a.png", {}, _pixels([[255, 0], [0, 255]])),
    *[(_16_BITS, f"a.{of}", {}, _pixels([[0, 0], [128, 255]])) for of in ("png", "tiff", "pgm")],
    *[(_palette(), f"a.{of}", {}, _COLOURS) for of in ("png", "gif", "bmp")],
    # The first colour of the palette is transparent.
    *[(_palette(), f"a.{of}", {"transparency": 0}, _WHITE_FOR_BLUE) for of in ("png", "gif")],
    # One opacity per entry of the palette; the entries come as 3, 1, 0, 2.
    (_palette(), "a.png", {"transparency": bytes([0, 128, 51, 255])}, _ON_WHITE),
    *[(_WITH_OPACITY, f"a.{of}", {}, _ON_WHITE) for of in ("png", "tiff")],
    (_WITH_OPACITY, "a.webp", {"lossless": True, "exact": True}, _ON_WHITE),
    (_GREY_WITH_OPACITY, "a.png", {}, _on_white(_pixels(_GREY), _OPACITY)),
    (Image.fromarray(_COLOURS), "a.png", {"transparency": (0, 0, 100)}, _WHITE_FOR_BLUE),
    (Image.fromarray(_INKS, "CMYK"), "a.tiff", {}, (255.0 - _INKS[..., :3]) * _PAPER / 255),
)


class DecodeImageTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _decode(self, image, name="image.png", size=2, channels=3, fit="crop", **options):
        image.save(self.folder / name, **options)
        return decode_image(self.folder / name, size, channels, fit)

    def _assert_near(self, actual, expected, atol=1.0):
        self.assertEqual(actual.dtype, np.uint8)
        self.assertAllClose(actual.astype(float), expected, rtol=0, atol=atol)

    @parameterized.parameters(*_MODES)
    def test_pixels_of_every_mode(self, image, name, options, expected):
        actual = self._decode(image, name, channels=expected.shape[-1], **options)
        self._assert_near(actual, expected)

    @parameterized.parameters(1, 3)
    def test_grey(self, channels):
        grey = _clothes()[..., 0]
        actual = self._decode(Image.fromarray(grey), size=28, channels=channels)
        self.assertAllEqual(actual, np.repeat(grey[..., np.newaxis], channels, axis=-1))

    @parameterized.parameters(
        ("mode F", np.ones((2, 2), np.float32)), ("mode I", np.full((2, 2), 65536, np.int32))
    )
    def test_numbers_without_a_known_white_are_refused(self, mode, pixels):
        with self.assertRaisesRegex(ValueError, mode):
            self._decode(Image.fromarray(pixels), "a.tiff")

    @parameterized.parameters(1, 255, 256, 1023, 4095)
    def test_fewer_bits_in_a_file_of_16_are_not_taken_for_darkness(self, highest):
        pixels = Image.fromarray(np.array([[0, 0], [0, highest]], np.uint16))
        for name in ("a.png", "a.tiff"):
            with self.assertRaisesRegex(ValueError, f"end at {highest}, as those of 8, 10 or 12"):
                self._decode(pixels, name)

    def test_black_is_black(self):
        black = Image.fromarray(np.zeros((2, 2), np.uint16))
        self.assertAllEqual(self._decode(black, "a.png"), np.zeros((2, 2, 3)))

    @parameterized.product(channels=(2, 3, 4), highest=(200, 4095, 4096, 65535))
    def test_nor_are_they_in_colours(self, channels, highest):
        pixels = np.full((2, 2, channels), 65535, np.uint16)  # Opaque, where it says so.
        pixels[..., : channels - (channels != 3)] = highest
        path = self.folder / "colours.png"
        path.write_bytes(tf.io.encode_png(pixels).numpy())
        if highest > 4095:
            found = decode_image(path, 2, 3, "crop")
            self._assert_near(found, np.full((2, 2, 3), highest // 256))
        else:
            with self.assertRaisesRegex(ValueError, "end at .* or below, as those of 8, 10 or 12"):
                decode_image(path, 2, 3, "crop")

    def test_damaged_metadata_is_no_damage_of_the_image(self):
        images = _clothes()
        whole = self._decode(Image.fromarray(images), "a.jpg", size=28)
        for exif in (b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM"):
            actual = self._decode(Image.fromarray(images), "a.jpg", size=28, exif=exif)
            self.assertAllEqual(actual, whole)

    def test_transparent_pixels_do_not_colour_their_neighbours(self):
        pixels = np.zeros((8, 8, 4), np.uint8)
        pixels[:, ::2] = (0, 255, 0, 0)  # Green that nobody sees.
        pixels[:, 1::2] = (255, 255, 255, 255)
        actual = self._decode(Image.fromarray(pixels), size=3)
        self.assertAllEqual(actual, np.full((3, 3, 3), 255))

    @parameterized.parameters((3, 2), (6, -1), (8, 1))
    def test_orientation(self, orientation, quarter_turns):
        images = _clothes()
        exif = Image.Exif()
        exif[0x0112] = orientation
        actual = self._decode(Image.fromarray(images), size=28, exif=exif)
        self.assertAllEqual(actual, np.rot90(images, quarter_turns))

    def test_the_first_frame_of_an_animation(self):
        frames = [Image.fromarray(np.full((4, 4), grey, np.uint8)) for grey in (40, 160)]
        actual = self._decode(
            frames[0], "a.gif", size=4, save_all=True, append_images=frames[1:], duration=50
        )
        self.assertAllEqual(actual, np.full((4, 4, 3), 40))

    @parameterized.parameters(True, False)
    def test_a_crop_keeps_the_centre(self, is_wide):
        images = _clothes()
        bars = np.zeros((28, 10, 3), np.uint8)
        image = np.concatenate([bars, images, bars], axis=1)
        if not is_wide:
            images, image = images.swapaxes(0, 1), image.swapaxes(0, 1)
        self.assertAllEqual(self._decode(Image.fromarray(image), size=28), images)

    def test_stretching_keeps_everything(self):
        image = np.repeat(np.repeat(np.uint8([[10, 200]]), 16, axis=1), 8, axis=0)
        actual = self._decode(Image.fromarray(image), size=8, channels=1, fit="stretch")[..., 0]
        self._assert_near(actual[:, :2], np.full((8, 2), 10))
        self._assert_near(actual[:, -2:], np.full((8, 2), 200))

    @parameterized.parameters("crop", "stretch")
    def test_a_large_jpeg_is_scaled_well(self, fit):
        images = _clothes()[..., :1].repeat(3, axis=-1)
        large = Image.fromarray(images.repeat(20, axis=0).repeat(20, axis=1))
        actual = self._decode(large, "a.jpg", size=28, fit=fit, quality=95)
        self._assert_near(actual, images, atol=40)
        self.assertLess(np.abs(actual.astype(float) - images).mean(), 3.5)

    @parameterized.parameters("png", "jpg", "bmp", "gif", "tiff", "webp")
    def test_a_cut_file_is_refused(self, suffix):
        image = Image.fromarray(_clothes())
        image.save(self.folder / f"a.{suffix}")
        damage(self.folder / f"a.{suffix}")
        with self.assertRaises(Exception):  # noqa: B017 - Pillow has no common class.
            decode_image(self.folder / f"a.{suffix}", 28, 3, "crop")

    def test_a_decompression_bomb_is_refused(self):
        with mock.patch.object(Image, "MAX_IMAGE_PIXELS", 100):
            with self.assertRaises(Image.DecompressionBombError):
                self._decode(Image.fromarray(_clothes()))


class SuffixesTest(tf.test.TestCase):
    def test_images_and_nothing_else(self):
        usual = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".ppm", ".jp2"}
        self.assertContainsSubset(usual, image_suffixes())
        for suffix in (".txt", ".csv", ".npz", ".pdf", ".mpg", ".h5", ".eps", ""):
            self.assertNotIn(suffix, image_suffixes())


class ReadableImagesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        files = sorted(write_class(folder, "two", 5).iterdir())
        damage(files[1])
        files[3].write_bytes(b"no image")
        self.paths = [str(path) for path in files]
        self.decode = self.enter_context(
            mock.patch.object(image_files, "decode_image", wraps=image_files.decode_image)
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
