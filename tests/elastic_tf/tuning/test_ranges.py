import keras_tuner
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.tuning.ranges import Range


class RangeTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("2..5", int, None, Range(2, 5)),
        ("0.01..0.3", float, None, Range(0.01, 0.3)),
        ("1e-3..1e-2", float, None, Range(0.001, 0.01)),
        ("4", int, None, Range(4, 4)),
        ("3..3", int, None, Range(3, 3)),
        ("4,2,2,8", int, None, Range(2, 8, (2, 4, 8))),
        ("0.5x..2x", int, 30, Range(15, 60)),
        ("0.001x..1x", int, 30, Range(1, 30)),
        ("0.5x..1", float, 0.5, Range(0.25, 1.0)),
    )
    def test_parses(self, text, kind, given, expected):
        self.assertEqual(Range.parse(text, kind, given), expected)

    @parameterized.parameters(
        ("5..2", int, "LOW <= HIGH"),
        ("2.5..3", int, "of int"),
        ("a", float, "Received: 'a'"),
        ("1..", int, "Received: ''"),
        ("nan", float, "finite"),
        ("0.5x..2x", int, "Received: '0.5x'"),
    )
    def test_refuses(self, text, kind, message):
        with self.assertRaisesRegex(ValueError, message):
            Range.parse(text, kind)

    @parameterized.parameters(
        ("2..5", 9, "Int", 5),
        ("2..5", 1, "Int", 2),
        ("2,4,8", 5, "Choice", 4),
        ("3", 5, "Fixed", 3),
    )
    def test_a_default_outside_is_the_nearest_inside(self, text, default, kind, expected):
        found = keras_tuner.HyperParameters()
        Range.parse(text, int).declare(found, "depth", default, "linear")
        self.assertEqual(found.values, {"depth": expected})
        self.assertEqual(type(found.space[0]).__name__, kind)
