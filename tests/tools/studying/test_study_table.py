import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from elastic_tf_tools.run_directory import write_json
from elastic_tf_tools.studying.study_figures import study_figures
from elastic_tf_tools.studying.study_file import Study, Variant
from elastic_tf_tools.studying.study_runs import make_runs
from elastic_tf_tools.studying.study_table import format_study

from tests.tools.studying.stub_training import figures

STUDY = Study(
    "baselines",
    "Two ways.",
    (Variant("none", "Bare.", ("--baseline=none",)), Variant("new", "Not run.", ())),
)
ACCURACIES = (0.80, 0.83, 0.92)


class StudyTableTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _figures(self, accuracies=ACCURACIES, **changes):
        """Returns the study's figures after runs of its first variant with those accuracies."""
        runs = make_runs(STUDY.variants[:1], range(len(accuracies)), self.folder)
        for run, accuracy in zip(runs, accuracies, strict=True):
            run.output_dir.mkdir(parents=True, exist_ok=True)
            write_json(run.output_dir / "results.json", {"birds": figures(accuracy) | changes})
        return study_figures(STUDY, runs)

    def _row(self, table, name):
        (line,) = [line for line in table.splitlines() if line.startswith(f"| `{name}`")]
        return [cell.strip() for cell in line.strip("|").split("|")]

    def test_mean_and_spread_are_numpys(self):
        found = self._figures()["variants"]["none"]["tasks"]["birds"]["selector_accuracy"]
        self.assertNear(found["mean"], 100 * np.mean(ACCURACIES), 1e-9)
        self.assertNear(found["spread"], 100 * np.std(ACCURACIES, ddof=1), 1e-9)
        self.assertAllClose(found["values"], [80, 83, 92])

    def test_every_figure_is_taken_from_its_place(self):
        gain = {"gain_over_best_fixed": {"points": -0.25}}
        found = self._figures([0.5], **gain)["variants"]["none"]["tasks"]["birds"]
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
        found = self._figures()["variants"]["none"]
        self.assertEqual(found["seeds"], [0, 1, 2])
        self.assertEqual(found["results"][1], {"birds": figures(0.83)})
        self.assertEqual(found["flags"], ["--baseline=none"])

    def test_a_row_has_seeds_means_and_spreads(self):
        self.assertEqual(
            self._row(format_study(self._figures()), "none"),
            ["`none`", "3", "85.00 ± 6.24", "90.00 ± 0.00", "50.0 ± 0.0", "+1.50 ± 0.00"]
            + ["–", "7.0 ± 0.0", "62.5 ± 0.0"],
        )

    def test_one_seed_has_no_spread(self):
        self.assertEqual(self._row(format_study(self._figures([0.8])), "none")[2], "80.00")

    def test_a_variant_that_has_not_finished_has_dashes(self):
        row = self._row(format_study(self._figures()), "new")
        self.assertEqual(row, ["`new`", "0"] + ["–"] * 7)

    def test_the_text_says_what_it_compares(self):
        table = format_study(self._figures())
        for line in ("# baselines", "Two ways.", "- `none`: Bare.", "## birds"):
            self.assertIn(f"{line}\n", table)


if __name__ == "__main__":
    tf.test.main()
