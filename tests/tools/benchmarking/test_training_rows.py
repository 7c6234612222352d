import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.benchmarking.training_rows import (
    estimator_stage,
    initial_stage,
    selector_stage,
    step_runner,
    training_rows,
)

import elastic_tf
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR
from tests.tools.benchmarking.small_subjects import NoTimer, small_subject

BATCH = 8


class TrainingRowsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = small_subject(is_trained=True)
        cls.rows = {row.name: row for row in training_rows(cls.subject, BATCH, NoTimer())}

    def test_every_candidate_has_a_row_and_dense_is_first(self):
        stages = ("dense", "initial", "random", "distilled", "selected", "selector")
        self.assertEqual(list(self.rows), [f"train_{stage}" for stage in stages])
        for row in self.rows.values():
            self.assertAllEqual(row.reference, self.rows["train_dense"].seconds)
            self.assertEqual(row.batch_size, BATCH)

    def test_the_selectors_choice_needs_a_trained_one(self):
        rows = training_rows(small_subject(is_trained=False), BATCH, NoTimer())
        self.assertNotIn("train_selected", [row.name for row in rows])

    def test_the_initial_share_has_its_full_models(self):
        table = self.subject.network.cost_table("colour")
        least = table.fixed_macs / table.full_macs
        share = self.rows["train_initial"].macs_share
        self.assertBetween(share, 0.75 + 0.25 * least, 1.0)
        self.assertBetween(self.rows["train_random"].macs_share, least, 0.8)

    def test_distillation_runs_the_full_model_and_a_random_one(self):
        table = self.subject.network.cost_table("colour")
        least = (table.fixed_macs + table.selector_macs) / table.full_macs
        share = self.rows["train_distilled"].macs_share
        self.assertBetween(share, 1 + least, 1.8 + table.selector_macs / table.full_macs)

    def test_the_share_of_the_selected_levels_is_without_the_selector(self):
        network = self.subject.network
        levels = network.select_levels(self.subject.batch(BATCH)[0], "colour")
        expected = np.mean(network.cost_table("colour").macs_share(levels, with_selector=False))
        self.assertAllClose(self.rows["train_selected"].macs_share, expected)

    def test_the_selector_step_counts_both_networks(self):
        table = self.subject.network.cost_table("colour")
        forward_and_backward = 3 * table.full_macs
        samples = 4 * np.array([table.fixed_macs, table.full_macs])
        low, high = (3 * table.selector_macs + samples) / forward_and_backward
        share = self.rows["train_selector"].macs_share
        self.assertBetween(share, low, high)
        # 32 models drawn uniformly: their mean is near the mean of all.
        mean = table.fixed_macs + np.mean(table.block_macs, axis=1).sum()
        expected = (3 * table.selector_macs + 4 * mean) / forward_and_backward
        self.assertAllClose(share, expected, atol=0.2)


class StagesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (initial_stage, INITIAL, {"estimator", "selector"}),  # Of the selector, its guess.
        (estimator_stage, ESTIMATOR, {"estimator", "selector"}),
        (selector_stage, SELECTOR, {"selector"}),
    )
    def test_a_network_stays_in_its_stage(self, compile_network, kind, trained):
        subject = small_subject()
        network = compile_network(subject.copy_of_network(), elastic_tf.MethodSettings())
        step = step_runner(network, {"colour": subject.batch(4)})
        for _ in range(3):
            self.assertEqual(int(network.stages(network.step).kind), kind)
            step()
        self.assertEqual(int(network.stages(10**6).kind), kind)
        for part in ("estimator", "selector"):
            before = getattr(subject.network, part).trainable_variables
            after = getattr(network, part).trainable_variables
            moved = any(np.any(a != b) for a, b in zip(after, before, strict=True))
            self.assertEqual(moved, part in trained)


if __name__ == "__main__":
    tf.test.main()
