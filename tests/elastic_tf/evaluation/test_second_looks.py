"""Tests of what second looks gain."""

import itertools

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.second_looks import SecondLooks
from tests.elastic_tf.evaluation.small_answers import small_answers, small_network
from tests.testing import random_batch

MODELS = list(itertools.product((0, 2, 3), repeat=3))


class SecondLooksTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held_out = small_answers()
        cls.images, cls.labels = random_batch(["grey"], 30, seed=3)["grey"]
        cls.measured = small_answers().on([(cls.images, cls.labels)])
        cls.looks = SecondLooks(cls.held_out, cls.measured, MODELS)

    def test_a_budget_is_kept_on_held_out_images_and_measured_on_others(self):
        table = small_network().cost_table("grey")
        for budget in (0.2, 0.5):
            look, shares, right = self.looks.at(budget)
            first, second = (
                small_network()
                .estimator(self.images, levels=np.tile(levels, (30, 1)), task="grey")
                .numpy()
                for levels in (look.first, look.second)
            )
            probabilities = tf.nn.softmax(first).numpy().max(-1)
            is_unsure = probabilities < look.threshold
            answers = np.where(is_unsure, second.argmax(-1), first.argmax(-1))
            self.assertAllEqual(right, answers == self.labels)
            once, again = look.macs(table)
            self.assertAllClose(shares, (once + again * is_unsure) / table.full_macs)
            logits = small_answers().class_logits(look.first)
            unsure = (tf.nn.softmax(logits).numpy().max(-1) < look.threshold).mean()
            self.assertLessEqual((once + again * unsure) / table.full_macs, budget)

    def test_the_cheapest_is_that_of_the_models(self):
        table = small_network().cost_table("grey")
        expected = (table.fixed_macs + table.block_macs[:, 0].sum()) / table.full_macs
        self.assertAllClose(self.looks.cheapest, expected)
        with self.assertRaisesRegex(ValueError, "`max_macs` must allow the cheapest"):
            self.looks.at(expected / 2)
