import types

import numpy as np
import tensorflow as tf
from elastic_tf_tools.study_file import Study, Variant
from elastic_tf_tools.study_table import format_study, study_figures

from tests.tools.stub_training import test_figures as run_figures

STUDY = Study(
    "baselines",
    "Two ways.",
    (Variant("none", "Bare.", ("--baseline=none",)), Variant("new", "Not run.", ())),
)
ACCURACIES = (0.80, 0.83, 0.92)


def _figures(accuracies=ACCURACIES, **changes):
    """Returns the study's figures after runs of its first variant with those accuracies."""
    results = [{"birds": run_figures(accuracy) | changes} for accuracy in accuracies]
    runs = [
        types.SimpleNamespace(variant="none", seed=seed, results=lambda of_run=of_run: of_run)
        for seed, of_run in enumerate(results)
    ]
    return study_figures(STUDY, runs[::-1])


def _row(table, name):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| `{name}`")]
    return [cell.strip() for cell in line.strip("|").split("|")]


class StudyTableTest(tf.test.TestCase):
    def test_mean_and_spread_are_numpys(self):
        found = _figures()["variants"]["none"]["tasks"]["birds"]["selector_accuracy"]
        self.assertNear(found["mean"], 100 * np.mean(ACCURACIES), 1e-9)
        self.assertNear(found["spread"], 100 * np.std(ACCURACIES, ddof=1), 1e-9)
        self.assertAllClose(found["values"], [80, 83, 92])

    def test_every_figure_is_taken_from_its_place(self):
        gain = {"gain_over_best_fixed": {"points": -0.25}}
        found = _figures([0.5], **gain)["variants"]["none"]["tasks"]["birds"]
        expected = {
            "selector_accuracy": 50,
            "full_accuracy": 90,
            "macs_share": 50,
            "gain_over_shuffled": 1.5,
            "gain_over_best_fixed": -0.25,
            "distinct_models": 7,
            "most_used_share": 62.5,
        }
        self.assertEqual({name: of["mean"] for name, of in found.items()}, expected)

    def test_what_the_runs_wrote_is_kept_whole(self):
        found = _figures()["variants"]["none"]
        self.assertEqual(found["seeds"], [0, 1, 2])
        self.assertEqual(found["results"][1], {"birds": run_figures(0.83)})
        self.assertEqual(found["flags"], ["--baseline=none"])

    def test_rows_have_seeds_means_and_spreads_or_dashes(self):
        table = format_study(_figures())
        for line in ("# baselines", "Two ways.", "- `none`: Bare.", "## birds"):
            self.assertIn(f"{line}\n", table)
        self.assertEqual(
            _row(table, "none"),
            ["`none`", "3", "85.00 ± 6.24", "90.00 ± 0.00", "50.0 ± 0.0", "+1.50 ± 0.00"]
            + ["–", "7.0 ± 0.0", "62.5 ± 0.0"],
        )
        self.assertEqual(_row(table, "new"), ["`new`", "0"] + ["–"] * 7)
        self.assertEqual(_row(format_study(_figures([0.8])), "none")[2], "80.00")


if __name__ == "__main__":
    tf.test.main()
