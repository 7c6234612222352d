"""Tests of ranges."""

import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools import given_flags

from elastic_tf.tuning.ranges import TUNABLES, Range, parse_range


class RangesTest(tf.test.TestCase, parameterized.TestCase):
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
        self.assertEqual(parse_range(text, kind, given), expected)

    @parameterized.parameters(
        ("5..2", int, None, "LOW <= HIGH"),
        ("2.5..3", int, None, "of int"),
        ("a", float, None, "Received: 'a'"),
        ("", float, None, "Received: ''"),
        ("1..", int, None, "Received: ''"),
        ("nan", float, None, "finite"),
        ("0.5x..2x", int, None, "Received: '0.5x'"),
    )
    def test_refuses(self, text, kind, given, message):
        with self.assertRaisesRegex(ValueError, message):
            parse_range(text, kind, given)

    @parameterized.parameters(
        (Range(2, 5), 9, 5),
        (Range(2, 5), 1, 2),
        (Range(2, 5), 4, 4),
        (Range(2, 8, (2, 4, 8)), 5, 4),
    )
    def test_nearest(self, allowed, value, expected):
        self.assertEqual(allowed.nearest(value), expected)


class TunablesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*TUNABLES)
    def test_it_is_a_flag_of_training_whose_bounds_hold_its_range(self, name):
        tunable = TUNABLES[name]
        self.assertEqual(tunable.name, name)
        self.assertIn(tunable.flag, given_flags.training_flag_names())
        allowed = parse_range(tunable.range, tunable.kind, flags.FLAGS[tunable.flag].default or 1)
        self.assertLess(allowed.low, allowed.high)
        self.assertGreaterEqual(allowed.low, tunable.least)
        if tunable.most is not None:
            self.assertLessEqual(allowed.high, tunable.most)
        if tunable.sampling == "log":
            self.assertGreater(allowed.low, 0)


if __name__ == "__main__":
    tf.test.main()
