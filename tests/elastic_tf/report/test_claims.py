"""Tests of the supplement's claims, and of figure 2."""

import math
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.report import claims
from elastic_tf.report.claims import FIGURES, judge_claims
from elastic_tf.report.study_figures import draw_study


def finished_run(variant="", accuracy=0.5, macs_share=0.5, policy=(0.5, 1.0, 3), logs="", **others):
    """Returns a run as `judge_claims` takes it.

    Args:
        policy: tuple of the share of images on the most used model, the entropy, and the number of
            models.
        others: settings.
    """
    top, entropy, models = policy
    figures = {
        "accuracy": {"selector": accuracy},
        "macs_share": macs_share,
        "full_macs": 2_000_000,
        "num_images": 60,  # Of which the logarithm is 4.09.
        "policy": {
            "top_models": [{"share": top}],
            "entropy": entropy,
            "distinct_models": models,
            "level_shares": [[0.25] * 4] * 4,
        },
    }
    settings = {"num_levels": 4, "initial_distribution": "proposed", "initial_steps": 20} | others
    return {"variant": variant, "settings": settings, "results": {"cats": figures}, "logs": logs}


def runs_of_levels(measured, name="accuracy"):
    """Returns runs from a dict from the number of levels to a list, one per seed."""
    return [
        finished_run(f"levels{number}", num_levels=number, **{name: value})
        for number, of in measured.items()
        for value in of
    ]


class LevelsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.72]}, "holds"),
        ({2: [0.7], 3: [0.72], 4: [0.71], 5: [0.70]}, "does not hold"),
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.74]}, "does not hold"),
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.73]}, "does not hold"),  # As high is not lower.
        ({2: [0.7], 3: [0.7], 4: [0.73], 5: [0.72]}, "does not hold"),
        ({3: [0.7, 0.6], 4: [0.68, 0.66], 5: [0.7, 0.5]}, "holds"),  # Means: 65 %, 67 %, 60 %.
        ({5: [0.72], 2: [0.7], 4: [0.73], 6: [0.74]}, "holds"),  # Nothing is said of six.
    )
    def test_accuracy_rises_up_to_four_and_falls_at_five(self, accuracies, verdict):
        text = judge_claims(["levels_accuracy"], runs_of_levels(accuracies))
        self.assertIn(f"\n  cats: {verdict} here. Accuracy of", text)

    @parameterized.parameters(
        ({2: [0.7], 3: [0.71], 4: [0.73]}, "5 levels"),
        ({2: [0.7], 3: [0.71]}, "4 levels and 5 levels"),
        ({4: [0.7], 5: [0.6]}, "fewer than 4 levels"),
        ({3: [0.7], 4: [0.8], 5: [0.7, math.nan]}, "5 levels"),
    )
    def test_what_was_not_measured_is_said(self, accuracies, missing):
        text = judge_claims(["levels_accuracy"], runs_of_levels(accuracies))
        self.assertIn(f"cats: not measured here ({missing} missing). Acc", text)
        self.assertNotIn("nan", text)

    def test_the_numbers_are_beside_it(self):
        accuracies = {2: [0.7, 0.72], 3: [0.7, 0.7], 4: [0.7, 0.7], 5: [0.7, 0.7]}
        text = judge_claims(["levels_accuracy"], runs_of_levels(accuracies))
        self.assertIn("71.00 ± 1.41 % with 2, 70.00 ± 0.00 % with 3", text)
        self.assertEndsWith(text, " with 5 levels.")

    @parameterized.parameters(
        ({2: [0.5], 3: [0.4], 4: [0.3]}, "holds"),
        ({2: [0.5], 3: [0.4], 4: [0.4]}, "does not hold"),
        ({5: [0.3], 2: [0.4, 0.5]}, "holds"),  # In the order of levels, not of the runs.
        ({4: [0.5]}, "not measured"),
    )
    def test_sizes_must_fall_with_every_level(self, macs, verdict):
        text = judge_claims(["levels_macs"], runs_of_levels(macs, "macs_share"))
        self.assertIn(f"cats: {verdict} here", text)

    def test_the_figure_has_means_over_seeds(self):
        runs = runs_of_levels({2: [0.7, 0.8], 4: [0.9, 0.9]})
        self.assertEqual(FIGURES["levels"], "figure_2a_levels")
        (axes,) = draw_study("levels", runs).figure().axes
        self.assertEqual([text.get_text() for text in axes.texts], ["2 levels", "4 levels"])
        self.assertAllClose([text.xy for text in axes.texts], [(1.0, 75), (1.0, 90)])
        self.assertEqual(axes.get_title(), "cats")


class DistributionsTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # In place of the path of a run's logs, its curves.
        read = self.enter_context(mock.patch.object(claims, "read_curves"))
        read.side_effect = lambda curves: {"validation": curves}

    def _runs(self, initial):
        """Returns runs from a dict from the distribution to the accuracy of a list of seeds."""
        return [
            finished_run(
                name,
                accuracy=0.8,
                logs={"cats_full_accuracy": [(10, 0.1), (20, right), (30, 0.99)]} if right else {},
                initial_distribution=name,
            )
            for name, of in initial.items()
            for right in of
        ]

    def _judge(self, initial):
        return judge_claims(["initial_distribution"], self._runs(initial))

    @parameterized.parameters(
        (0.67, 0.66, "holds"), (0.67, 0.69, "does not hold"), (0.71, 0.5, "does not hold")
    )
    def test_the_others_must_end_two_points_lower(self, uniform, random, verdict):
        text = self._judge({"proposed": [0.7], "uniform": [uniform], "random": [random]})
        self.assertIn(f"cats: {verdict} here.", text)

    @parameterized.parameters(
        ({"proposed": [0.7]}, "uniform and random"),
        ({"uniform": [0.7], "random": [0.6]}, "proposed"),
        ({"proposed": [0.7], "uniform": [0.6], "random": [None]}, "random"),
        ({"proposed": [None], "uniform": [0.6], "random": [0.6]}, "proposed"),
    )
    def test_what_was_not_measured_is_said(self, initial, missing):
        text = self._judge(initial)
        self.assertIn(f"cats: not measured here ({missing} missing).", text)
        self.assertNotIn("nan", text)

    def test_the_numbers_are_beside_it(self):
        text = self._judge({"proposed": [0.7, 0.72], "uniform": [0.68, 0.68], "random": [0.72]})
        self.assertIn("uniform 3.0 points lower, random 1.0 points higher.", text)
        self.assertIn("uniform 68.00 ± 0.00 % then, 80.00 ± 0.00 % at the end", text)

    def test_the_figure_has_a_curve_for_each(self):
        runs = self._runs({"proposed": [0.7, 0.8], "random": [0.5]})
        (axes,) = draw_study("initial_distribution", runs).figure().axes
        proposed, random, end = axes.get_lines()
        self.assertAllClose(proposed.get_xydata(), [(10, 10), (20, 75), (30, 99)], rtol=1e-5)
        self.assertEqual((proposed.get_label(), random.get_label()), ("proposed", "random"))
        self.assertAllEqual(end.get_xdata(), [20, 20])


class ChoiceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0.3, 2.0, "holds"), (1.0, 0.0, "does not hold"), (0.02, 4.0, "does not hold")
    )
    def test_neither_deterministic_nor_uniform(self, top, entropy, verdict):
        text = judge_claims(["choice"], [finished_run(policy=(top, entropy, 9))])
        self.assertIn(f"cats: {verdict} here.", text)

    def test_one_seed_is_told_as_it_is(self):
        self.assertEqual(
            judge_claims(["choice"], [finished_run(policy=(1.0, 0.0, 1))]),
            "Claim: the distribution of chosen models is neither deterministic nor uniform.\n"
            "  cats: does not hold here. 1 model, 100.0 % of the images on the most used; entropy "
            "0.00 nats of at most 4.09.",
        )

    def test_every_seed_is_judged(self):
        runs = [finished_run(policy=of) for of in ((0.3, 2.0, 8), (0.5, 1.0, 5), (1.0, 0.0, 1))]
        self.assertIn(
            "cats: does not hold here. 2 of 3 seeds hold: 4.7 ± 3.5 models, 60.0 ± 36.1 % of the "
            "images on the most used; entropy 1.00 ± 1.00 nats of at most 4.09.",
            judge_claims(["choice"], runs),
        )
        self.assertIn("cats: holds here.", judge_claims(["choice"], runs[:2]))

    @parameterized.parameters(
        ("num_levels", (2, 4, 4, 5), "4: 2 of 2 seeds"),
        ("num_levels", (2, 3), "2: 3 models"),
        ("initial_distribution", ("uniform", "proposed"), "proposed: 3 models"),
    )
    def test_the_methods_own_variant_is_judged(self, name, values, expected):
        runs = [finished_run(str(value), **{name: value}) for value in values]
        self.assertIn(f"cats: holds here. {expected}", judge_claims(["choice"], runs))


class NamesTest(tf.test.TestCase):
    def test_others_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`claims` must be of .*choice. Received: luck"):
            judge_claims(["choice", "luck"], [finished_run()])
        with self.assertRaisesRegex(ValueError, "`figure` must be of levels, .* Received: 5"):
            draw_study("5", [finished_run()])
