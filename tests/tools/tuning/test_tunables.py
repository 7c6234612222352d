import tensorflow as tf
from absl import flags
from absl.testing import parameterized

from tools import given_flags
from tools.tuning.ranges import parse_range
from tools.tuning.tunables import TUNABLES


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
