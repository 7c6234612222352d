import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.augment import random_crop_and_flip

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

    def test_rows_columns_and_coins_are_independent(self):
        drawn = np.array(_drawn(_images((600, 3, 4, 1)), _SEED, pad=1, flip=True), float)
        correlations = np.corrcoef(drawn, rowvar=False)[np.triu_indices(3, 1)]
        # Four standard deviations, 1 / sqrt(600) each.
        self.assertLess(np.abs(correlations).max(), 4 / np.sqrt(600))

    def test_half_of_the_images_are_mirrored(self):
        drawn = _drawn(_images((600, 3, 4, 1)), _SEED, pad=0, flip=True)
        share = np.mean([mirrored for _, _, mirrored in drawn])
        self.assertNear(share, 0.5, 4 * 0.5 / np.sqrt(600))

    def test_same_seed_gives_the_same_result(self):
        first = random_crop_and_flip(_images(), _SEED, pad=2, flip=True)
        self.assertAllEqual(first, random_crop_and_flip(_images(), _SEED, pad=2, flip=True))

    @parameterized.parameters(((4, 7),), ((3, 8),))
    def test_both_numbers_of_the_seed_matter(self, seed):
        images = _images((30, 5, 4, 1))
        first = _drawn(images, _SEED, pad=2, flip=True)
        self.assertNotEqual(first, _drawn(images, seed, pad=2, flip=True))

    def test_neither_pad_nor_flip_changes_nothing(self):
        self.assertAllEqual(random_crop_and_flip(_images(), _SEED, 0, False), _images())

    @parameterized.parameters(6, None)
    def test_static_shape_and_type_are_kept_in_a_graph(self, batch):
        spec = tf.TensorSpec((batch, 5, 4, 2), tf.uint8)
        graph = tf.function(lambda images: random_crop_and_flip(images, _SEED, 1, True))
        result = graph.get_concrete_function(spec).structured_outputs
        self.assertEqual(result.shape.as_list(), [batch, 5, 4, 2])
        self.assertEqual(result.dtype, tf.uint8)

    def test_empty_batch_stays_empty(self):
        result = random_crop_and_flip(_images((0, 5, 4, 2)), _SEED, 1, True)
        self.assertEqual(result.shape, (0, 5, 4, 2))

    def test_negative_pad_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`pad` must .* Received: pad=-1"):
            random_crop_and_flip(_images(), _SEED, -1, False)
