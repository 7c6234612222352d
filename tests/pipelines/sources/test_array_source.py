import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests.pipelines.numbered_source import NumberedSource


def _numbers(split):
    return [int(image[0, 0, 0]) for image, _ in split.dataset]


class ArraySourceTest(tf.test.TestCase, parameterized.TestCase):
    def test_test_split_is_the_official_one(self):
        split = NumberedSource(20, 7).load("test")
        self.assertEqual(_numbers(split), list(range(7)))

    @parameterized.parameters(0.1, 0.3, 0.5)
    def test_train_and_validation_are_disjoint_and_exhaustive(self, share):
        source = NumberedSource(20, 7)
        train = _numbers(source.load("train", validation_share=share))
        validation = _numbers(source.load("validation", validation_share=share))
        self.assertEqual(sorted(train + validation), list(range(20)))
        self.assertLen(validation, round(20 * share))

    def test_without_a_share_train_is_everything(self):
        split = NumberedSource(20, 7).load("train", validation_share=0)
        self.assertEqual(_numbers(split), list(range(20)))

    def test_types(self):
        spec = NumberedSource(20, 7).load("train").dataset.element_spec
        expected = (tf.TensorSpec((4, 4, 1), tf.uint8), tf.TensorSpec((), tf.int32))
        self.assertEqual(spec, expected)

    def test_number_of_examples_is_that_of_the_images(self):
        split = NumberedSource(20, 7).load("validation", validation_share=0.2)
        self.assertEqual(split.num_examples, np.sum([1 for _ in split.dataset]))

    def test_arguments_are_checked(self):
        with self.assertRaisesRegex(ValueError, "`split` must"):
            NumberedSource(20, 7).load("dev")
