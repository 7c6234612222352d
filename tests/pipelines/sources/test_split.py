import tensorflow as tf
from absl.testing import parameterized

from pipelines.sources.split import Split, check_split


class SplitTest(tf.test.TestCase):
    def test_no_example_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`num_examples` must .* Received: num_examples=0"):
            Split(tf.data.Dataset.range(0), 0)

    def test_wrong_number_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`dataset` must give .* Received: cardinality=5"):
            Split(tf.data.Dataset.range(5), 4)


class CheckSplitTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(("train", 0), ("test", 0), ("validation", 0.1), ("train", 0.5))
    def test_good_arguments_pass(self, split, share):
        check_split(split, share)

    @parameterized.parameters("val", "", None)
    def test_unknown_split_is_refused(self, split):
        with self.assertRaisesRegex(ValueError, "`split` must be one of .* Received: split="):
            check_split(split, 0.1)

    @parameterized.parameters(-0.1, 0.51, float("nan"))
    def test_share_out_of_range_is_refused(self, share):
        with self.assertRaisesRegex(ValueError, r"`validation_share` must be in \[0, 0.5\]. Rec"):
            check_split("test", share)

    def test_validation_without_a_share_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`validation_share` must be above 0 .* Received"):
            check_split("validation", 0)
