"""Tests of the search for fixed models."""

import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.evaluation.model_search import ALGORITHMS, ModelSearch, search_fixed_models
from tests.elastic_tf.evaluation.small_answers import accuracy, macs_share, small_answers
from tests.testing import random_batch

MACS = np.array([[0, 10, 20, 40], [0, 20, 40, 80], [0, 10, 30, 70], [0, 5, 10, 20]])
FIXED = 7
TABLE = CostTable(FIXED, MACS, MACS, selector_macs=1000)
VALUE = np.array([[0, 5, 7, 8], [0, 1, 2, 3], [0, 4, 8, 16], [0, 9, 9, 10]]) / 50
LIMITS = [40, 80, 150]


def _accuracy(levels):
    return VALUE[np.arange(4), list(levels)].sum()


def _macs(levels):
    return FIXED + MACS[np.arange(4), list(levels)].sum()


class ModelSearchTest(tf.test.TestCase, parameterized.TestCase):
    def _search(self, **kwargs):
        return ModelSearch(_accuracy, TABLE, **kwargs)

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

    def test_what_is_a_sum_over_blocks_is_found_soon(self):
        search = self._search()
        search.try_uniform()
        search.run(LIMITS, 20)
        for limit in LIMITS:
            models = itertools.product(range(4), repeat=4)
            expected = max(_accuracy(m) for m in models if _macs(m) <= limit)
            self.assertAllClose(search.best(limit)["accuracy"], expected)

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

    def test_of_equals_the_cheaper_wins(self):
        search = ModelSearch(lambda levels: 0.5, TABLE)
        search.try_uniform()
        self.assertEqual(search.best(100)["levels"], [0, 0, 0, 0])

    def test_ends_when_there_is_nothing_new(self):
        search = ModelSearch(lambda levels: 0.5, CostTable(7, MACS[:1], MACS[:1]))
        search.try_uniform()
        search.run([217], 1000)
        self.assertLen(search.found, 4)

    @parameterized.parameters((256, 256), (255, 0))
    def test_all_are_tried_where_they_are_few(self, evaluations, expected):
        search = self._search()
        search.try_all(evaluations)
        self.assertLen(search.found, expected)


class SearchFixedModelsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held_out = small_answers()
        cls.test = small_answers().on([random_batch(["grey"], 30, seed=3)["grey"]])

    def test_all_models_are_tried_where_they_are_few_and_the_best_are_found(self):
        told = []
        found = search_fixed_models(self.held_out, self.test, [0.6, 0.3], 64, progress=told.append)
        self.assertEqual((found["num_models"], len(found["tried"]), told), (64, 64, [64]))
        models = list(itertools.product(range(4), repeat=3))
        right = {model: accuracy(model) for model in models}
        shares = {model: macs_share(model, with_selector=False) for model in models}
        self.assertEqual([best["budget"] for best in found["best"]], [0.3, 0.6])
        for best in found["best"]:
            levels = tuple(best["levels"])
            expected = max(right[m] for m in models if shares[m] <= best["budget"])
            self.assertAllClose(best["validation_accuracy"], expected)
            self.assertAllClose(right[levels], expected)
            self.assertAllClose(best["macs_share"], shares[levels])
            self.assertAllClose(best["test_accuracy"], self.test.are_right(levels).mean())
        for tried in found["tried"]:
            self.assertAllClose(tried["validation_accuracy"], right[tuple(tried["levels"])])
            self.assertAllClose(tried["macs_share"], shares[tuple(tried["levels"])])

    def test_the_selectors_choice_is_beside_them(self):
        found = search_fixed_models(self.held_out, self.test, [0.5], 1)["selector"]
        chosen = self.test.logits.argmax(-1)
        own = self.held_out.logits.argmax(-1)
        self.assertAllClose(found["validation_accuracy"], accuracy(own))
        self.assertAllClose(found["test_accuracy"], self.test.are_right(chosen).mean())
        self.assertAllClose(found["macs_share"], macs_share(chosen))

    @parameterized.parameters(*ALGORITHMS)
    def test_no_more_are_tried_than_asked_for(self, algorithm):
        found = search_fixed_models(self.held_out, self.test, [0.3, 0.6], 10, algorithm)
        self.assertLen({tuple(tried["levels"]) for tried in found["tried"]}, 10)

    @parameterized.parameters(
        ((0.5, 2.0), r"numbers in \(0, 1\], each once"),
        ((0.5, 0.5), "each once"),
        ((), "each once"),
        ((0.0001,), "the cheapest model of 'grey'"),
    )
    def test_other_budgets_are_refused(self, budgets, fault):
        with self.assertRaisesRegex(ValueError, f"`budgets` must .*{fault}.*Received: budgets="):
            search_fixed_models(self.held_out, self.test, budgets)
