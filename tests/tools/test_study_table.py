from elastic_tf_tools.study_file import Study, Variant
from elastic_tf_tools.study_table import format_study, study_figures

import numpy as np
import tensorflow as tf

from tests.tools.stub_training import test_figures as run_figures

STUDY = Study(
    "baselines",
    "Two ways.",
    (Variant("none", "Bare.", ("--baseline=none",)), Variant("new", "Not run.", ())),
)


def _figures(*accuracies, **changes):
    """Returns the study's figures after runs of its first variant with those accuracies."""
    return study_figures(
        STUDY,
        [
            {"variant": "none", "seed": seed, "results": {"birds": run_figures(right) | changes}}
            for seed, right in enumerate(accuracies)
        ],
    )


def _row(table, name):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| `{name}`")]
    return [cell.strip() for cell in line.strip("|").split("|")]


class StudyTableTest(tf.test.TestCase):
    def test_mean_and_spread_are_numpys_and_what_the_runs_wrote_is_kept(self):
        found = _figures(0.80, 0.83, 0.92)["variants"]["none"]
        self.assertEqual((found["seeds"], found["flags"]), ([0, 1, 2], ["--baseline=none"]))
        self.assertEqual(found["results"][1], {"birds": run_figures(0.83)})
        accuracy = found["tasks"]["birds"]["selector_accuracy"]
        self.assertAllClose(accuracy["values"], [80, 83, 92])
        self.assertNear(accuracy["mean"], np.mean([80, 83, 92]), 1e-9)
        self.assertNear(accuracy["spread"], np.std([80, 83, 92], ddof=1), 1e-9)

    def test_rows_have_seeds_means_and_spreads_or_dashes(self):
        table = format_study(_figures(0.80, 0.83, 0.92))
        for line in ("# baselines", "Two ways.", "- `none`: Bare.", "## birds"):
            self.assertIn(f"{line}\n", table)
        self.assertEqual(
            _row(table, "none"),
            ["`none`", "3", "85.00 ± 6.24", "90.00 ± 0.00", "50.0 ± 0.0", "+1.50 ± 0.00"]
            + ["–", "–", "7.0 ± 0.0", "62.5 ± 0.0"],
        )
        self.assertEqual(_row(table, "new"), ["`new`", "0"] + ["–"] * 8)
        gains = {"gain_over_front": {"points": -0.25}, "second_look_gain_mean": {"points": 0.5}}
        one = _row(format_study(_figures(0.8, **gains)), "none")
        expected = ["80.00", "90.00", "50.0", "+1.50", "-0.25", "+0.50", "7.0", "62.5"]
        self.assertEqual(one[2:], expected)
