"""Tests of the figures of the choice and of the training."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.report.choice_figures import (
    block_ticks,
    draw_histogram,
    draw_levels,
    draw_training,
    stage_spans,
)
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR, StageSchedule
from tests.elastic_tf.report.planted import STAGES, planted_routing


class ChoiceFiguresTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_histogram_shows_every_model(self):
        (axes,) = draw_histogram({"planted": planted_routing().chosen}).figure().axes
        self.assertAllClose(axes.patches[0].get_data().values, [60, 25, 15])
        self.assertIn("3 models for 20 images\n1: 1-1, 60.0 %", axes.texts[0].get_text())

    def test_levels_are_shown_as_they_are(self):
        means = planted_routing().routed.level_probabilities.mean(axis=0)
        axes, bar = draw_levels({"planted": means}).figure().axes
        self.assertAllClose(axes.images[0].get_array(), means.T)
        self.assertEqual(axes.texts[0].get_text(), f"{means[0, 0]:.2f}")
        self.assertEqual(bar.get_ylabel(), "mean probability")

    @parameterized.parameters((10, range(1, 11)), (15, range(1, 16, 2)))
    def test_every_block_is_named_where_there_is_room(self, blocks, expected):
        self.assertAllEqual(block_ticks(blocks), list(expected))


class TrainingFigureTest(tf.test.TestCase):
    def test_stages_follow_each_other(self):
        expected = [(INITIAL, 0, 4), (SELECTOR, 4, 6), (ESTIMATOR, 6, 9), (SELECTOR, 9, 11)]
        self.assertEqual(stage_spans(STAGES), expected)
        self.assertEqual(stage_spans(StageSchedule(4, rounds=0)), [(INITIAL, 0, 4)])

    def test_the_selectors_curve_begins_when_it_has_been_trained(self):
        points = [(2, 0.1), (4, 0.2), (8, 0.3)]
        curves = {f"a_{name}": points for name in ("full_accuracy", "accuracy", "macs_share")}
        (axes,) = draw_training(curves, ["a"], STAGES).figure().axes
        full, selector, _ = axes.get_lines()
        self.assertAllClose(full.get_xydata(), [(2, 10), (4, 20), (8, 30)])
        self.assertAllClose(selector.get_xydata(), [(8, 30)])
        # Two of the selector, and one of the estimator with a fainter shade.
        alphas = np.array([patch.get_alpha() for patch in axes.patches])
        self.assertAllEqual(alphas[[0, 2]] > alphas[1], [True, True])
