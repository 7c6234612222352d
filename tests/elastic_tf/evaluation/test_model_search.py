import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.model_search import ALGORITHMS, ModelSearch

MACS = np.array([[0, 10, 20, 40], [0, 20, 40, 80], [0, 10, 30, 70], [0, 5, 10, 20]])
FIXED = 7
VALUE = np.array([[0, 5, 7, 8], [0, 1, 2, 3], [0, 4, 8, 16], [0, 9, 9, 10]]) / 50
LIMITS = [40, 80, 150]


def _accuracy(levels):
    return VALUE[np.arange(4), list(levels)].sum()


def _macs(levels):
    return FIXED + MACS[np.arange(4), list(levels)].sum()


class ModelSearchTest(tf.test.TestCase, parameterized.TestCase):
    def _search(self, **kwargs):
        return ModelSearch(_accuracy, MACS, FIXED, **kwargs)

    @parameterized.parameters(*ALGORITHMS)
    def test_finds_the_best_within_every_limit(self, algorithm):
        search = self._search()
        search.try_uniform()
        search.run(LIMITS, 150, algorithm)
        for limit in LIMITS:
            found = search.best(limit)
            models = itertools.product(range(4), repeat=4)
            expected = max(_accuracy(m) for m in models if _macs(m) <= limit)
            self.assertAllClose(found["accuracy"], expected)
            self.assertAllClose(found["accuracy"], _accuracy(found["levels"]))
            self.assertEqual(found["macs"], _macs(found["levels"]))

    @parameterized.parameters(*ALGORITHMS)
    def test_the_evaluations_are_shared_by_all_limits(self, algorithm):
        search = self._search()
        search.try_uniform()
        search.run(LIMITS, 20, algorithm)
        self.assertLen(search.found, 20)
        drawn = [_macs(levels) for levels in list(search.found)[4:]]
        for low, high in zip([0, *LIMITS[:-1]], LIMITS, strict=True):
            self.assertTrue(any(low < macs <= high for macs in drawn), (low, high))

    @parameterized.parameters(*ALGORITHMS)
    def test_new_models_cannot_be_widened_within_their_limit(self, algorithm):
        search = self._search()
        search.try_uniform(100)
        known = set(search.found)
        search.run([100], 12, algorithm)
        for levels in set(search.found) - known:
            self.assertLessEqual(_macs(levels), 100)
            for block in range(4):
                wider = [level + (index == block) for index, level in enumerate(levels)]
                if wider[block] < 4:
                    self.assertGreater(_macs(wider), 100)

    @parameterized.parameters(*ALGORITHMS)
    def test_the_same_seed_finds_the_same(self, algorithm):
        def found(seed):
            search = self._search(seed=seed)
            search.try_uniform()
            search.run(LIMITS, 20, algorithm)
            return list(search.found)

        self.assertEqual(found(1), found(1))
        self.assertNotEqual(found(1), found(2))

    def test_all_are_tried_where_they_are_few(self):
        search = self._search()
        search.try_all(256)
        self.assertEqual(set(search.found), set(itertools.product(range(4), repeat=4)))

    def test_none_are_tried_where_they_are_too_many(self):
        search = self._search()
        search.try_all(255)
        self.assertEmpty(search.found)

    def test_a_limit_without_a_model_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`limit` must allow .* 7 MACs. Received: limit=6"):
            self._search().check_limit("limit", 6)
        self._search().check_limit("limit", 7)


if __name__ == "__main__":
    tf.test.main()
