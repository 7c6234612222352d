import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_selector import FrozenSelector
from elastic_tf.models.selector import Selector
from tests.testing import TASKS, random_images, randomise


class FrozenSelectorTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        backbone=("wrn-8-1", "resnet-10-4", "vgg-8-4"), task=tuple(TASKS), batch=(0, 1, 6)
    )
    def test_it_is_the_selector(self, backbone, task, batch):
        selector = Selector(TASKS, backbone=backbone, num_blocks=3, num_levels=4)
        randomise(selector)
        images = random_images(task, batch)
        actual = tf.function(FrozenSelector(selector, task))(images)
        self.assertEqual(actual.shape, (batch, 3, 4))
        self.assertAllClose(actual, selector(images, task=task), rtol=1e-4, atol=1e-4)

    @parameterized.parameters("pooled", "normalised")
    def test_features_of_less(self, features):
        selector = Selector(TASKS, "wrn-8-1", num_blocks=3, num_levels=4, features=features)
        randomise(selector)
        images = random_images("grey", 3)
        actual = FrozenSelector(selector, "grey")(images)
        self.assertAllClose(actual, selector(images, task="grey"), rtol=1e-4, atol=1e-4)

    def test_wrong_images_are_named(self):
        frozen = FrozenSelector(Selector(TASKS, "wrn-8-1", 3, 4), "grey")
        with self.assertRaisesRegex(ValueError, r"Received: images.shape=\(2, 8, 8, 3\)"):
            frozen(np.zeros((2, 8, 8, 3)))


if __name__ == "__main__":
    tf.test.main()
