import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.chosen_models import chosen_models

LEVELS = np.array([[1, 2], [0, 3], [1, 2], [0, 0], [0, 3], [1, 2]])


class ChosenModelsTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_most_used_comes_first(self):
        chosen = chosen_models(LEVELS)
        self.assertAllEqual(chosen.models, [[1, 2], [0, 3], [0, 0]])
        self.assertAllEqual(chosen.counts, [3, 2, 1])
        self.assertAllClose(chosen.shares, [1 / 2, 1 / 3, 1 / 6])

    def test_models_used_alike_are_in_the_order_of_their_levels(self):
        self.assertAllEqual(chosen_models([[3], [1], [2]]).models, [[1], [2], [3]])

    def test_every_image_is_on_its_model(self):
        chosen = chosen_models(LEVELS)
        self.assertAllEqual(chosen.models[chosen.model_of_image], LEVELS)

    def test_the_images_on_a_model(self):
        self.assertAllEqual(chosen_models(LEVELS).images_on(1), [1, 4])

    def test_counts_add_up_to_the_images(self):
        levels = np.random.default_rng(0).integers(0, 3, (500, 4))
        self.assertEqual(chosen_models(levels).counts.sum(), 500)

    @parameterized.parameters(((0, 3),), ((4,),))
    def test_other_arrays_are_refused(self, shape):
        with self.assertRaisesRegex(ValueError, r"`levels` must be \(images, blocks\).*Received"):
            chosen_models(np.zeros(shape, int))


if __name__ == "__main__":
    tf.test.main()
