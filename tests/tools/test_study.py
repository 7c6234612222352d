import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools import study

from tests.tools.studying.stub_training import PROGRAM

STUDY = """
description = "Two ways."
flags = ["--accuracy=0.5"]
[[variants]]
name = "a"
description = "As it is."
flags = []
[[variants]]
name = "b"
description = "Better."
flags = ["--accuracy=0.75"]
"""
# Seconds: two steps, of one block of each width.
TINY = """
flags = ["--tasks=digits", "--batch_size=4", "--validation_share=0.05", "--backbone=wrn-8-1",
    "--trunk_size=4", "--num_levels=2", "--initial_steps=1", "--rounds=1", "--selector_steps=1",
    "--search_evaluations=2"]
[[variants]]
name = "cheap"
description = "Cost weighs more."
flags = ["--rho=2"]
"""


class StudyTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "out"
        self.path = self.folder / "ways.toml"
        self.path.write_text(STUDY)

    def _run(self, *arguments, program=PROGRAM):
        """Returns the exit status, and what was printed on stdout and stderr."""
        out, errors, status = io.StringIO(), io.StringIO(), 0
        values = flags.FlagValues()
        study.define_flags(values)
        line = ["study", f"--study={self.path}", f"--output_dir={self.output_dir}", *arguments]
        with (
            mock.patch.object(study, "FLAGS", values),
            mock.patch.object(study, "TRAIN", program),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            try:
                study.main(values(line))
            except SystemExit as stopped:
                status = stopped.code
        return status, out.getvalue(), errors.getvalue()

    def _row(self, text, name):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}`")]
        return [cell.strip() for cell in line.strip("|").split("|")][1:3]

    def test_the_table_is_printed_and_written(self):
        status, printed, _ = self._run("--seeds=0,2")
        self.assertEqual(status, 0)
        table = (self.output_dir / "table.md").read_text()
        self.assertIn(table, printed)
        self.assertEqual(self._row(table, "a"), ["2", "51.00 ± 1.41"])
        self.assertEqual(self._row(table, "b"), ["2", "76.00 ± 1.41"])
        figures = json.loads((self.output_dir / "study.json").read_text())
        accuracy = figures["variants"]["b"]["tasks"]["birds"]["selector_accuracy"]
        self.assertAllClose(accuracy["values"], [75, 77])

    def test_only_the_named_variants_are_trained(self):
        self._run("--seeds=0", "--only=b")
        self.assertFalse((self.output_dir / "a").exists())
        self.assertTrue((self.output_dir / "b" / "seed0" / "results.json").exists())

    def test_more_seeds_add_to_the_table(self):
        self._run("--seeds=0", "--only=b")
        _, printed, _ = self._run("--seeds=2")
        self.assertEqual(self._row(printed, "a"), ["1", "52.00"])
        self.assertEqual(self._row(printed, "b"), ["2", "76.00 ± 1.41"])

    def test_the_table_alone_trains_nothing(self):
        self._run("--seeds=0", "--only=a")
        status, printed, _ = self._run("--table_only")
        self.assertEqual(status, 0)
        self.assertEqual(self._row(printed, "a"), ["1", "50.00"])
        self.assertFalse((self.output_dir / "b").exists())

    def test_without_a_finished_run_there_is_no_table(self):
        status, printed, _ = self._run("--table_only")
        self.assertEqual(status, 0)
        self.assertEqual(printed, "No run has finished yet.\n")
        self.assertFalse(self.output_dir.exists())

    def test_failures_are_told_at_the_end_with_status_1(self):
        self.path.write_text(STUDY.replace('"--accuracy=0.75"', '"--do=fail"'))
        status, printed, _ = self._run("--seeds=0,1")
        # A text as status is printed on stderr by Python, which then ends with status 1.
        self.assertEqual(
            status,
            "error: 2 of 4 runs failed:\n"
            "  b, seed 0: FATAL Flags parsing error: no flag 'x'\n"
            "  b, seed 1: FATAL Flags parsing error: no flag 'x'",
        )
        self.assertEqual(self._row(printed, "a")[0], "2")

    def test_runs_by_flags_that_have_changed_are_not_in_the_table(self):
        self._run("--seeds=0")
        self.path.write_text(STUDY.replace("0.75", "0.25"))
        _, printed, _ = self._run("--table_only")
        self.assertIn("Not in the table: b, seed 0, trained with other flags", printed)
        self.assertEqual(self._row(printed, "b"), ["0", "–"])

    def test_runs_whose_flags_are_not_known_are_not_in_the_table(self):
        self._run("--seeds=0")
        (self.output_dir / "b" / "seed0.flags").unlink()
        _, printed, _ = self._run("--table_only")
        self.assertIn("Not in the table: b, seed 0, whose flags are not recorded", printed)

    @parameterized.parameters(
        ("--study=", "`--study` must be given"),
        ("--output_dir=", "`--output_dir` must be given"),
        ("--study=/absent.toml", "`--study` must be a file that exists"),
        ("--seeds=a", "`--seeds` must be integers >= 0, each once. Received: seeds=a"),
        ("--seeds=1,1", "Received: seeds=1,1"),
        ("--seeds=-1", "Received: seeds=-1"),
        ("--only=c", "`--only` must be of a, b. Received: c"),
        ("extra", "Arguments must be flags"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, argument, message):
        status, _, errors = self._run(argument)
        self.assertEqual(status, 2)
        self.assertIn(message, errors)
        self.assertEqual(errors.count("\n"), 1)
        self.assertFalse(self.output_dir.exists())

    def test_another_study_in_the_same_place_is_refused(self):
        self._run("--seeds=0")
        before = (self.output_dir / "study.json").read_bytes()
        self.path = self.path.rename(self.folder / "gradients.toml")
        status, _, errors = self._run("--seeds=0")
        self.assertEqual(status, 2)
        self.assertRegex(errors, "^error: `--output_dir` must .* holds the study ways\n$")
        self.assertEqual((self.output_dir / "study.json").read_bytes(), before)

    def test_real_trainings_of_seconds(self):
        self.path.write_text(TINY)
        status, printed, _ = self._run("--seeds=3", program=study.TRAIN)
        self.assertEqual(status, 0)
        self.assertEqual(self._row(printed, "cheap")[0], "1")
        run = json.loads((self.output_dir / "cheap" / "seed3" / "run.json").read_text())
        self.assertEqual((run["rho"], run["seed"], run["batch_size"]), (2.0, 3, "4"))
        results = self.output_dir / "cheap" / "seed3" / "results.json"
        before = results.read_bytes()
        self.path.write_text(TINY.replace("--rho=2", "--rho=4"))
        status, _, _ = self._run("--seeds=3", program=study.TRAIN)
        self.assertRegex(status, "cheap, seed 3: error: `--output_dir` must .* differs in rho")
        self.assertEqual(results.read_bytes(), before)


if __name__ == "__main__":
    tf.test.main()
