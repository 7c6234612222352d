import contextlib
import io
import json
import pathlib
import re
import tempfile

from elastic_tf_tools import study

import pytest
import tensorflow as tf
from absl.testing import parameterized

from tests.tools.commands import run_command, run_failing
from tests.tools.stub_training import in_place_of_train

STUDY = """
description = "Two ways."
flags = ["--learning_rate=0.4"]
[[variants]]
name = "a"
description = "As it is."
flags = []
[[variants]]
name = "b"
description = "Better."
flags = ["--num_levels=3"]
"""
# Seconds: two steps, of one block of each width.
TINY = """
flags = ["--tasks=digits", "--batch_size=4", "--validation_share=0.05", "--backbone=wrn-8-1",
    "--trunk_size=4", "--num_levels=2", "--initial_steps=1", "--rounds=1", "--selector_steps=1",
    "--search_evaluations=2", "--steps_per_epoch=1", "--policy_health_every=0"]
figure = "initial_distribution"
claims = ["initial_distribution", "choice"]
[[variants]]
name = "uniform"
description = "Any model."
flags = ["--initial_distribution=uniform", "--distillation_weight=0"]
"""


class StudyTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "out[1]"
        self.path = self.folder / "ways.toml"
        self.path.write_text(STUDY)

    def _arguments(self, *arguments):
        return (study, f"--study={self.path}", f"--output_dir={self.output_dir}", *arguments)

    def _run(self, *arguments):
        """Runs a study of stubs and returns what was printed."""
        with in_place_of_train():
            return run_command(*self._arguments(*arguments))

    def _row(self, text, name):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}`")]
        return [cell.strip() for cell in line.strip("|").split("|")][1:3]

    def test_the_table_is_printed_and_written(self):
        printed = self._run("--seeds=0,2")
        table = (self.output_dir / "table.md").read_text()
        self.assertIn(table, printed)
        self.assertEqual(self._row(table, "a"), ["2", "77.00 ± 1.41"])
        self.assertEqual(self._row(table, "b"), ["2", "87.00 ± 1.41"])
        figures = json.loads((self.output_dir / "study.json").read_text())
        accuracy = figures["variants"]["b"]["tasks"]["birds"]["selector_accuracy"]
        self.assertAllClose(accuracy["values"], [86, 88])

    def test_progress_says_which_how_many_and_how_long(self):
        self._run("--seeds=0", "--only=a")
        printed = self._run("--seeds=0")
        log = f"{self.output_dir}/b/seed0.log"
        self.assertIn(
            f"1 of 2 runs have finished before.\n[2/2] b, seed 0 starts; log: {log}\n"
            "[2/2] b, seed 0 took 0.0 min\n",
            printed,
        )
        self.assertIn("[1/2] a, seed 1 took 0.0 min; 1 left, about 0 min\n", self._run("--seeds=1"))

    def test_more_seeds_and_variants_add_to_the_table_and_repeat_nothing(self):
        self._run("--seeds=0", "--only=b")
        self.assertFalse((self.output_dir / "a").exists())
        printed = self._run("--seeds=2,0", "--jobs=2")
        self.assertEqual(self._row(printed, "a"), ["2", "77.00 ± 1.41"])
        self.assertEqual(self._row(printed, "b"), ["2", "87.00 ± 1.41"])
        self.assertEqual((self.output_dir / "b" / "seed0.log").read_text(), "started\n")

    def test_the_table_alone_trains_nothing(self):
        self.assertEqual(self._run("--table_only"), "No run has finished yet.\n")
        self.assertFalse(self.output_dir.exists())
        self._run("--seeds=0", "--only=a")
        self.assertEqual(self._row(self._run("--table_only"), "a"), ["1", "76.00"])
        self.assertFalse((self.output_dir / "b").exists())

    def test_damaged_results_are_one_line(self):
        self._run("--seeds=0")
        results = self.output_dir / "a" / "seed0" / "results.json"
        for text in ('{"birds": {"accuracy": 1}}', "{"):
            results.write_text(text)
            with in_place_of_train():
                error = run_failing(*self._arguments("--table_only"))
            self.assertRegex(error, rf"^error: {re.escape(str(results))} must [^\n]+$")

    def test_a_study_that_is_moved_stays_finished(self):
        self._run("--seeds=0")
        self.output_dir = self.output_dir.rename(self.folder / "moved")
        self.assertIn("2 of 2 runs have finished before", self._run("--seeds=0"))

    def test_failures_are_told_at_the_end_with_status_1(self):
        self.path.write_text(STUDY.replace("--num_levels=3", "--learning_rate=0.6"))
        with self.assertRaises(SystemExit) as raised:
            self._run("--seeds=0,1")
        reason = "Training diverged at step 5. Received: birds_loss=nan"
        # A text as status is printed on stderr by Python, which then ends with status 1.
        self.assertEqual(
            raised.exception.code,
            f"error: 2 of 4 runs failed:\n  b, seed 0: {reason}\n  b, seed 1: {reason}",
        )
        self.assertEqual(self._row((self.output_dir / "table.md").read_text(), "a")[0], "2")

    def test_given_flags_hold_for_all_runs_which_are_others_then(self):
        self._run("--seeds=0")
        printed = self._run("--seeds=0", "--only=b", "--learning_rate=0.2")
        self.assertIn("Not in the table: a, seed 0, trained with other flags", printed)
        self.assertEqual(self._row(printed, "a"), ["0", "–"])
        self.assertEqual(self._row(printed, "b"), ["1", "88.00"])
        record = (self.output_dir / "b" / "seed0.flags").read_text().split()
        expected = ["--learning_rate=0.4", "--learning_rate=0.2", "--num_levels=3", "--seed=0"]
        self.assertEqual(record, expected)
        (self.output_dir / "b" / "seed0.flags").unlink()  # As if stopped in between.
        self.assertEqual(self._row(self._run("--table_only"), "b"), ["0", "–"])

    def test_figure_and_claims_are_of_the_runs_and_advice_is_given(self):
        rule = '[[advise]]\nflag = "--rounds=1"\nbecause = "more is slow"\n'
        self.path.write_text(f'figure = "levels"\nclaims = ["levels_macs"]\n{STUDY}{rule}')
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            printed = self._run("--seeds=0")
        self.assertRegex(printed, r"Claim: .*\n  birds: does not hold")
        self.assertIn("figure_2a_levels.png", printed)
        self.assertTrue((self.output_dir / "figure_2a_levels.png").exists())
        warning = "warning: `--rounds` should be 1: more is slow. Received: rounds=10\n"
        self.assertEqual(errors.getvalue(), warning)

    @parameterized.parameters(
        ("--output_dir=", "`output_dir` must be"),
        ("--study=/absent.toml", "`--study` must be a file that exists"),
        ("--seeds=a", "must be an integer >= 0, each, with ',' between. Received: a"),
        ("--seeds=1,1", "`--seeds` must be integers >= 0, each once. Received: seeds=1,1"),
        ("--seeds=-1", "`seeds` must be an integer >= 0. Received: seeds=(-1,)"),
        ("--jobs=0", "`jobs` must be an integer >= 1"),
        ("--seed=1", "Unknown command line flag 'seed'"),
        ("--only=c", "`--only` must be of a, b. Received: c"),
        ("--num_levels=5", "`--num_levels` must not be given: the study varies it"),
        ("extra", "Arguments must be flags"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, argument, message):
        self.assertIn(message, run_failing(*self._arguments(argument)))
        self.assertFalse(self.output_dir.exists())

    def test_another_study_in_the_same_place_is_refused(self):
        self._run("--seeds=0")
        before = (self.output_dir / "study.json").read_bytes()
        self.path = self.path.rename(self.folder / "gradients.toml")
        self.assertIn("whose study differs", run_failing(*self._arguments()))
        self.assertEqual((self.output_dir / "study.json").read_bytes(), before)

    @pytest.mark.slow
    def test_real_trainings_of_seconds(self):
        self.path.write_text(TINY)
        printed = run_command(*self._arguments("--seeds=3", "--price=0.5"))
        self.assertTrue(re.search(r"^## digits$", printed, re.M), printed)
        self.assertIn("Claim: ", printed)
        self.assertTrue((self.output_dir / "figure_2b_initial_distributions.png").exists())
        run = self.output_dir / "uniform" / "seed3"
        settings = json.loads((run / "run.json").read_text())
        found = [settings[name] for name in ("seed", "price", "num_levels")]
        self.assertEqual(found, [3, 0.5, 2])
        results = json.loads((run / "results.json").read_text())["digits"]
        self.assertBetween(results["accuracy"]["selector"], 0, 1)
