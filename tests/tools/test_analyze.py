"""Tests of the command `analyze`; what it writes is tested in tests/elastic_tf/report."""

import collections
import csv
import pathlib
import shutil
import tempfile
from unittest import mock

from elastic_tf_tools import analyze

import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.manifest import model_hash
from elastic_tf.files import read_json, write_json
from tests.elastic_tf.report.planted import RESULTS, TIMED
from tests.tools.commands import run_command, run_failing
from tests.tools.finished_run import TASKS, copy_run


@pytest.mark.slow
class AnalyzeTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        run = copy_run(cls.folder / "run")
        write_json(run.results, dict.fromkeys(TASKS, RESULTS))
        cls.output_dir = cls.folder / "new" / "report"
        cls.output_dir.mkdir(parents=True)
        (cls.output_dir / "other.csv").write_text("not of the analysis")
        cls.timed = cls.folder / "comparison.json"
        about = {"task": "digits", "model_sha256": model_hash(run.model)}
        write_json(cls.timed, {"settings": about, "rows": [{"of": "Python"}, *TIMED]})
        arguments = ("--budgets=0.5", "--browser_images=2", "--top_models=2")
        arguments += (f"--comparisons={cls.timed}",)
        with mock.patch("elastic_tf.report.analysis.evaluate_network", side_effect=AssertionError):
            cls.printed = run_command(analyze, *cls._paths(cls.output_dir), *arguments)
        cls.page = (cls.output_dir / "report.html").read_text()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def _paths(cls, output_dir, run="run"):
        return f"--model_dir={cls.folder / run}", f"--output_dir={output_dir}"

    def test_all_images_are_looked_at(self):
        counts = collections.Counter()
        with open(self.output_dir / "figure_3a_models.csv", newline="") as file:
            for row in csv.DictReader(file):
                counts[row["task"]] += int(row["images"])
        self.assertEqual(counts, {"digits": 600, "fashion_mnist_small": 2000, "all tasks": 2600})

    def test_the_page_tells_of_the_run(self):
        for text in (
            "<title>wrn-8-1 on digits, fashion_mnist_small</title>",
            "Ankle boot",
            "fixed models, mixed",  # Of the run's own results.
            "selector at budgets",
            "time per image, ms",
            "<code>--validation_share</code></td><td><code>0.1</code>",
        ):
            self.assertTrue(text in self.page, text)

    def test_progress_and_the_claim_are_printed(self):
        self.assertRegex(self.printed, r"\[ +\d+ s\] digits: 600 images on \d+ models")
        self.assertRegex(self.printed, r"nor uniform\.\n  digits: (holds|does not hold) here\. \d+")

    def test_what_was_written_is_printed_and_nothing_else(self):
        saved = self.printed[self.printed.index("Saved: ") + 7 :].strip().split(", ")
        there = {str(path) for path in self.output_dir.iterdir() if path.name != "other.csv"}
        self.assertEqual(set(saved), there)
        self.assertIn(str(self.output_dir / "figure_4_shared.png"), saved)

    def test_what_was_timed_of_another_model_is_refused(self):
        about = read_json(self.timed)
        about["settings"]["model_sha256"] = "another"
        write_json(self.folder / "another.json", about)
        for path in (self.folder / "another.json", f"{self.timed},{self.timed}"):
            arguments = (*self._paths(self.folder / "none"), f"--comparisons={path}")
            line = run_failing(analyze, *arguments)
            self.assertIn("`--comparisons` must hold files of `benchmark --exports`", line)

    def test_another_split_at_a_budget_is_measured(self):
        arguments = ("--split=validation", "--budget=0.6", "--budgets=", "--search_evaluations=1")
        with mock.patch.object(analyze, "write_report", return_value=[]) as write:
            run_command(analyze, *self._paths(self.folder / "at_budget"), *arguments)
        analysis = write.call_args[0][0]
        self.assertEqual((analysis.split, analysis.budget), ("validation", 0.6))
        self.assertEqual(analysis.budget_curves, {})
        self.assertIn("front", analysis.results["digits"])

    @parameterized.parameters(
        ("--budget=1.5", "`budget` must be a number in (0.0, 1.0]"),
        ("--budgets=0.5,much", "must be a number in (0.0, 1.0], each, with ',' between"),
        ("--output_dir=/proc/none", "`output_dir` must be a folder that can be made"),
    )
    def test_bad_input_is_an_error_before_the_work(self, argument, message):
        with mock.patch.object(analyze, "analyse", side_effect=AssertionError("work")):
            line = run_failing(analyze, *self._paths(self.folder / "none"), argument)
        self.assertIn(message, line)

    def test_a_run_that_has_not_finished_is_an_error_and_nothing_is_made(self):
        line = run_failing(analyze, *self._paths(self.folder / "none", run="empty"))
        self.assertRegex(line, "^error: `--model_dir` must be the output directory")
        self.assertFalse((self.folder / "none").exists())
