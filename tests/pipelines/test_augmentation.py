import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.augmentation import colour_jitter, crop_boxes, crop_draws, random_crop_and_flip

_SEED = (3, 7)


def _images(shape=(6, 5, 4, 2)):
    return np.random.default_rng(0).integers(1, 256, shape).astype(np.uint8)


def _crops(image, pad):
    """All results an image may have: dict from (row, column, mirrored) to the image."""
    height, width, _ = image.shape
    padded = np.zeros((height + 2 * pad, width + 2 * pad, image.shape[2]), np.uint8)
    padded[pad : pad + height, pad : pad + width] = image
    crops = {}
    for row in range(2 * pad + 1):
        for column in range(2 * pad + 1):
            crop = padded[row : row + height, column : column + width]
            crops[row, column, False] = crop
            crops[row, column, True] = crop[:, ::-1]
    return crops


def _drawn(images, seed, pad, flip):
    """The (row, column, mirrored) of every image, by comparison with all possible crops."""
    results = random_crop_and_flip(images, seed, pad, flip).numpy()
    drawn = []
    for image, result in zip(images, results, strict=True):
        matches = [key for key, crop in _crops(image, pad).items() if np.array_equal(crop, result)]
        assert len(matches) == 1, matches
        drawn.append(matches[0])
    return drawn


class RandomCropAndFlipTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(pad=[0, 1, 2], flip=[False, True])
    def test_every_image_is_one_of_its_own_crops(self, pad, flip):
        drawn = _drawn(_images(), _SEED, pad, flip)
        self.assertTrue(flip or not any(mirrored for _, _, mirrored in drawn))

    def test_all_offsets_and_both_sides_occur(self):
        drawn = _drawn(_images((300, 3, 4, 1)), _SEED, pad=1, flip=True)
        self.assertLen(set(drawn), 3 * 3 * 2)

    def test_half_of_the_images_are_mirrored(self):
        drawn = _drawn(_images((600, 3, 4, 1)), _SEED, pad=0, flip=True)
        share = np.mean([mirrored for _, _, mirrored in drawn])
        self.assertNear(share, 0.5, 4 * 0.5 / np.sqrt(600))

    @parameterized.parameters(6, None)
    def test_static_shape_and_type_are_kept_in_a_graph(self, batch):
        spec = tf.TensorSpec((batch, 5, 4, 2), tf.uint8)
        graph = tf.function(lambda images: random_crop_and_flip(images, _SEED, 1, True))
        result = graph.get_concrete_function(spec).structured_outputs
        self.assertEqual(result.shape.as_list(), [batch, 5, 4, 2])
        self.assertEqual(result.dtype, tf.uint8)


def _parts(draws, image_shape, height, width):
    """Returns height and width of crops in pixels, and their boxes."""
    boxes = crop_boxes(np.float32(draws), image_shape, height, width)
    sides = (boxes[:, 2:] - boxes[:, :2]) * (height, width)
    return sides, boxes


class ResizedCropTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(((8, 8), 300, 200), ((6, 12), 100, 100), ((5, 3), 40, 90))
    def test_area_and_shape_are_in_range_and_the_crop_in_the_image(self, shape, height, width):
        draws = crop_draws(2000, _SEED, 0.25).numpy()
        sides, boxes = _parts(draws, shape, height, width)
        stretch = sides[:, 1] / sides[:, 0] * shape[0] / shape[1]
        self.assertAllInRange(stretch, 0.75 - 1e-6, 4 / 3 + 1e-6)
        self.assertLess(stretch.min(), 0.76)
        self.assertGreater(stretch.max(), 1.32)
        self.assertAllInRange(boxes, 0.0, 1.0)
        area = sides.prod(axis=1) / (height * width)
        # What does not fit is the largest of its shape: it touches two sides that lie opposite.
        whole = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) > 1 - 1e-6
        self.assertAllClose(area[~whole], draws[~whole, 0], rtol=1e-4)
        self.assertGreater(np.sum(~whole), 50)
        self.assertAllGreaterEqual(draws[:, 0], 0.25)

    def test_a_box_by_hand(self):
        # A quarter of 100x400 pixels, four times as wide as high in an image of 2x8: 50x200, in
        # the middle of the free height and at the right end.
        sides, boxes = _parts([[0.25, 0, 0.5, 1]], (2, 8, 3), 100, 400)
        self.assertAllClose(sides, [[50, 200]])
        self.assertAllClose(boxes, [[0.25, 0.5, 0.75, 1]])
        # The same area as a square of 100x100 pixels, which just fits.
        self.assertAllClose(_parts([[0.25, 0, 0, 0]], (4, 4), 100, 400)[1], [[0, 0, 1, 0.25]])

    def test_draws_are_seeded_and_of_every_image(self):
        draws = crop_draws(3, _SEED, 0.5)
        self.assertAllEqual(draws, crop_draws(3, _SEED, 0.5))
        self.assertNotAllClose(draws, crop_draws(3, (3, 8), 0.5))
        self.assertNotAllClose(draws[0], draws[1])


class ColourJitterTest(tf.test.TestCase, parameterized.TestCase):
    def _expected(self, images, strength):
        """The definition, step by step, in NumPy."""
        factors = tf.random.stateless_uniform(
            (len(images), 1, 1, 3), _SEED, 1 - strength, 1 + strength
        ).numpy()
        results = []
        for image, (brightness, contrast, saturation) in zip(
            images.astype(np.float64), factors[:, 0, 0], strict=True
        ):

            def luma(pixels):
                return pixels @ [0.299, 0.587, 0.114] if pixels.shape[-1] == 3 else pixels[..., 0]

            image = image * brightness
            image = luma(image).mean() + contrast * (image - luma(image).mean())
            grey = luma(image)[..., np.newaxis]
            results.append(np.clip(grey + saturation * (image - grey), 0, 255))
        return np.stack(results)

    @parameterized.product(channels=(1, 3), strength=(0.1, 0.4, 1.0))
    def test_pixels(self, channels, strength):
        images = _images((6, 5, 4, channels))
        result = colour_jitter(images, _SEED, strength)
        self.assertEqual(result.dtype, tf.uint8)
        self.assertAllClose(result, self._expected(images, strength), rtol=0, atol=0.51)
        self.assertAllEqual(result, colour_jitter(images, _SEED, strength))

    def test_without_strength_nothing_changes(self):
        self.assertAllEqual(colour_jitter(_images((6, 5, 4, 3)), _SEED, 0.0), _images((6, 5, 4, 3)))
