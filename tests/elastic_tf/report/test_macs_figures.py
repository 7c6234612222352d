"""Tests of the figures of accuracy over MACs."""

import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.report.macs_figures import (
    draw_budget_curves,
    draw_fixed_models,
    draw_tradeoff,
    draw_trials,
)
from tests.elastic_tf.report.planted import CURVES, FOUND, RESULTS, point


def drawn_lines(axes):
    """Returns a dict from a series' name to its points; axes must be in per cent."""
    assert "%" in axes.get_xlabel() and "%" in axes.get_ylabel()
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


class TradeoffTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_choice_is_a_series(self):
        figure = draw_tradeoff({"cats": RESULTS}, CURVES).figure()
        expected = {
            "fixed levels": [[2, 10], [100, 88]],
            "selector at budgets": [[10, 70], [39, 85], [80.5, 95]],
            "second look at budgets": [[41, 86]],
            "its choices, shuffled": [[45.6, 86]],
            "fixed models found, and mixtures": [[30, 81], [100, 88]],
            "selector": [[45.6, 87.5]],
        }
        self.assertAllClose(drawn_lines(figure.axes[0]), expected)
        self.assertLen(figure.legends[0].get_texts(), 6)

    def test_what_the_choice_gains_over_fixed_models_is_shaded(self):
        results = {key: of for key, of in RESULTS.items() if key != "second_look"}
        (axes,) = draw_tradeoff({"cats": results}, CURVES).figure().axes
        (area,) = axes.collections
        self.assertEqual(area.get_label(), "gain of the choice")
        x, y = np.concatenate([path.vertices for path in area.get_paths()]).T
        # By hand: at 30 % the budgets have 70 + 15 * 20 / 29 = 80.3, below 81; they pass soon.
        self.assertBetween(x.min(), 30, 33)
        self.assertAllClose(x.max(), 80.5)
        self.assertAllClose(y.max(), 95)
        self.assertAllClose(y[x > 80.4].min(), 81 + 7 * 50.5 / 70)

    def test_of_second_looks_it_is_their_gain(self):
        looks = [{"macs_share": 0.6, "accuracy": 0.94}, {"macs_share": 0.4, "accuracy": 0.86}]
        (axes,) = draw_tradeoff({"cats": RESULTS | {"second_look": looks}}, CURVES).figure().axes
        x, y = np.concatenate([path.vertices for path in axes.collections[0].get_paths()]).T
        self.assertAllClose([x.min(), x.max(), y.max()], [40, 60, 94])
        (axes,) = (
            draw_tradeoff({"cats": RESULTS | {"second_look": looks[:1]}}, CURVES).figure().axes
        )
        self.assertEmpty(axes.collections)

    def test_what_was_not_measured_is_left_out(self):
        missing = ("front", "second_look")
        figures = {key: of for key, of in RESULTS.items() if key not in missing}
        (axes,) = draw_tradeoff({"cats": figures}).figure().axes
        self.assertEqual(
            set(drawn_lines(axes)), {"fixed levels", "its choices, shuffled", "selector"}
        )

    def test_without_a_selector_there_is_no_choice_of_one(self):
        (axes,) = draw_tradeoff({"cats": RESULTS | {"selector_macs": 0}}).figure().axes
        expected = {"fixed levels", "second look at budgets", "fixed models found, and mixtures"}
        self.assertEqual(set(drawn_lines(axes)), expected)

    @parameterized.parameters(
        (draw_tradeoff, {"cats": RESULTS}, CURVES), (draw_budget_curves, CURVES)
    )
    def test_a_level_that_guesses_does_not_stretch_the_axis(self, draw, *measured):
        low, high = draw(*measured).figure().axes[0].get_ylim()
        self.assertBetween(low, 60, 70)
        self.assertBetween(high, 95, 100)


class BudgetCurvesTest(tf.test.TestCase):
    def test_every_task_has_a_panel(self):
        figure = draw_budget_curves(CURVES, "wrn, test").figure()
        self.assertEqual([axes.get_title() for axes in figure.axes], ["cats", "dogs"])
        self.assertEqual(figure.get_suptitle(), "wrn, test")
        expected = {
            "fixed levels": [[2, 10], [30, 87.5], [100, 96.5]],
            "selector at budgets": [[10, 70], [39, 85], [80.5, 95]],
            "selector": [[45, 90]],
        }
        self.assertAllClose(drawn_lines(figure.axes[0]), expected)

    def test_the_file_is_a_png_and_nothing_else_is_left(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        draw_budget_curves(CURVES).save(folder / "plot.png")
        self.assertEqual([path.name for path in folder.iterdir()], ["plot.png"])
        image = Image.open(folder / "plot.png")
        self.assertEqual((image.format, image.mode), ("PNG", "RGB"))
        self.assertAllGreater(image.size, 500)


class FixedModelsTest(tf.test.TestCase):
    def test_points_front_and_selector(self):
        (axes,) = draw_fixed_models(FOUND).figure().axes
        expected = {
            "fixed models tried": [[50, 75], [25, 50], [50, 62.5]],
            "best of their cost": [[25, 50], [50, 75]],
            "selector": [[37.5, 80]],
        }
        self.assertAllClose(drawn_lines(axes), expected)
        self.assertIn("validation", axes.get_ylabel())


class TrialsTest(tf.test.TestCase):
    def test_points_front_best_and_budget(self):
        trials = [point(0.5, 0.75), point(0.25, 0.5), point(0.7, 0.6)]
        (axes,) = draw_trials(trials, [trials[1], trials[0]], "title", 0.4).figure().axes
        found = drawn_lines(axes)
        self.assertAllClose([x for x, _ in found.pop("budget")], [40, 40])
        expected = {
            "trials": [[70, 60]],
            "front: no trial is better": [[25, 50], [50, 75]],
            "best score": [[50, 75]],
        }
        self.assertAllClose(found, expected)
        self.assertEqual(axes.get_title(), "title")
        (axes,) = draw_trials(trials[:1], []).figure().axes
        self.assertEqual(set(drawn_lines(axes)), {"trials", "best score"})
