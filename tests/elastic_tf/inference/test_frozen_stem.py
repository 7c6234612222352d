import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.inference.frozen_stem import FrozenStem
from elastic_tf.layers.task_stem import TaskStem
from tests.testing import TASKS, random_images, randomise


class FrozenStemTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(task=tuple(TASKS), trunk_size=(4, 32))
    def test_it_is_the_stem(self, task, trunk_size):
        stem = TaskStem(task, 6, TASKS[task]["image_shape"], trunk_size=trunk_size)
        stem.build()
        randomise(stem)
        images = random_images(task)
        self.assertAllClose(FrozenStem(stem)(images), stem(images), rtol=1e-4, atol=1e-4)


if __name__ == "__main__":
    tf.test.main()
