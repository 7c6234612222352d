import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.static_search import best_static

MACS = np.array([[0, 10, 20, 40], [0, 20, 40, 80], [0, 10, 30, 70], [0, 5, 10, 20]])
FIXED = 7
VALUE = np.array([[0, 5, 7, 8], [0, 1, 2, 3], [0, 4, 8, 16], [0, 9, 9, 10]]) / 50


def _accuracy(levels):
    return VALUE[np.arange(4), levels].sum()


def _macs(levels):
    return FIXED + MACS[np.arange(4), list(levels)].sum()


def _best_of_all(max_macs):
    allowed = [m for m in itertools.product(range(4), repeat=4) if _macs(m) <= max_macs]
    return max(_accuracy(list(levels)) for levels in allowed)


class BestStaticTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(10, 40, 80, 120, 217)
    def test_finds_the_best_of_all(self, max_macs):
        found = best_static(_accuracy, MACS, FIXED, max_macs, evaluations=80)
        self.assertAllClose(found["accuracy"], _best_of_all(max_macs))
        self.assertAllClose(found["accuracy"], _accuracy(found["levels"]))

    @parameterized.parameters(7, 33, 100, 216)
    def test_cost_is_within_the_budget(self, max_macs):
        found = best_static(_accuracy, MACS, FIXED, max_macs)
        self.assertLessEqual(found["macs"], max_macs)
        self.assertEqual(found["macs"], _macs(found["levels"]))

    def test_every_evaluated_model_is_new_and_allowed(self):
        seen = []

        def accuracy(levels):
            seen.append(tuple(levels))
            return _accuracy(levels)

        found = best_static(accuracy, MACS, FIXED, 100, evaluations=15)
        self.assertLen(set(seen), 15)
        self.assertEqual(found["evaluations"], len(seen))
        self.assertLessEqual(max(map(_macs, seen)), 100)

    def test_uniform_levels_and_candidates_come_first(self):
        seen = []

        def accuracy(levels):
            seen.append(tuple(levels))
            return 0.5

        candidates = [[3, 0, 0, 0], [3, 3, 3, 3], [1, 1, 1, 1], [0, 0, 1, 0]]
        best_static(accuracy, MACS, FIXED, 100, candidates, evaluations=5)
        # Level 2 everywhere is within 107 only; level 1 was there already.
        self.assertEqual(seen[:4], [(0, 0, 0, 0), (1, 1, 1, 1), (3, 0, 0, 0), (0, 0, 1, 0)])

    def test_of_equals_the_cheaper_wins(self):
        found = best_static(lambda levels: 0.5, MACS, FIXED, 100)
        self.assertEqual(found["levels"], [0, 0, 0, 0])

    def test_ends_when_there_is_nothing_new(self):
        found = best_static(_accuracy, MACS[:1], FIXED, 217, evaluations=1000)
        self.assertEqual(found["evaluations"], 4)
        self.assertEqual(found["levels"], [3])

    def test_budget_below_the_cheapest_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`max_macs` must allow .* Received: max_macs=6"):
            best_static(_accuracy, MACS, FIXED, 6)


if __name__ == "__main__":
    tf.test.main()
