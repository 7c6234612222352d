import csv
import itertools
import json
import pathlib
import re
import tempfile
from unittest import mock

from elastic_tf_tools import evaluate
from elastic_tf_tools.run_folder import RunFolder, batches_of, load_run

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.answers import Answers
from elastic_tf.files import read_json
from elastic_tf.policies.budget import BudgetCalibration
from tests.tools.commands import run_command, run_failing
from tests.tools.finished_run import TASKS, copy_run, finished_run, save_run


class EvaluateTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_folder = finished_run()
        cls.before = cls._contents()

    @classmethod
    def _contents(cls):
        files = [path for path in cls.run_folder.path.rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "new" / "out"

    def tearDown(self):
        self.assertEqual(self._contents(), self.before)  # Whatever was asked of it.
        super().tearDown()

    def _run(self, *arguments, run=run_command):
        return run(evaluate, f"--model_dir={self.run_folder.path}", "--tasks=digits", *arguments)


@pytest.mark.slow
class TableTest(EvaluateTest):
    def _figures(self, *arguments):
        path = self.folder / "out.json"
        printed = self._run("--search_evaluations=0", f"--json_out={path}", *arguments)
        return printed, read_json(path)["digits"]

    def test_without_a_budget_it_is_the_selectors_own_choice(self):
        printed, figures = self._figures()
        self.assertStartsWith(printed, "On the test split:\n\ndigits: 600 images")
        self.assertNotIn("budget", figures)
        loaded = load_run(self.run_folder.path)
        read = batches_of(loaded.settings.data, loaded.specs)
        right = [
            np.argmax(loaded.model.predict({"digits": images}, verbose=0)["digits"], -1) == labels
            for images, labels in read("digits", "test")
        ]
        accuracy = np.mean(np.concatenate(right))
        self.assertAllClose(figures["accuracy"]["selector"], accuracy)

    def test_a_budget_moves_the_choice_to_its_price(self):
        self.run_folder = copy_run(self.folder / "copy")
        model = self.run_folder.load_model()
        model.calibrations = {"digits": BudgetCalibration([0.2, 0.4, 0.8], [1e9, 1e9, -1e9])}
        model.save(self.run_folder.model)
        for budget, level in ((0.4, 0), (0.8, 2)):
            printed, figures = self._figures(f"--budget={budget}")
            self.assertIn(f"at a budget of {100 * budget:g} % MACs", printed)
            expected = model.cost_table("digits").macs_share([[level] * 3])[0]
            self.assertAllClose(figures["macs_share"], expected)
            self.assertEqual(figures["budget"], budget)
            self.assertEqual(figures["accuracy"]["selector"], figures["accuracy"][f"level_{level}"])

    @parameterized.parameters(
        (["--budget=1.01"], "`budget` must be a number in .0.0, 1.0."),
        (["--budget=0"], "`budget` must be a number in .0.0, 1.0."),
        (["--json_out=/nowhere/x.json"], "`json_out` must be a file in a folder that exists"),
        (["--output_dir=x"], "`--output_dir` must not be given with the table. Received: --output"),
        (["--budgets=0.5", "--budget=0.4"], "`--budget` must not be given with --budgets"),
        (["--calibrate", "--level=1"], "`--level` must not be given with --calibrate"),
        (["--search=3", "--json_out=x"], "`--json_out` must not be given with --search"),
        (["--macs_limits=0.5"], "`--macs_limits` is called `--budgets` now"),
        (["--tasks=mnist"], "must be of digits, fashion_mnist_small"),
        (["more"], "Arguments must be flags"),
    )
    def test_what_makes_no_sense_is_one_line(self, arguments, fault):
        self.assertRegex(self._run(*arguments, run=run_failing), f"^error: .*{fault}")


@pytest.mark.slow
class JointBudgetsTest(EvaluateTest):
    def test_tasks_under_one_budget(self):
        folders = f"--model_dir={self.run_folder.path}", f"--json_out={self.folder / 'x.json'}"
        few = "--search_evaluations=12"
        printed = run_command(evaluate, *folders, "--joint_budgets=0.5,0.3", few)
        self.assertStartsWith(printed, "On the test split, means over digits, fashion_mnist_small:")
        rows = [line.split()[:2] for line in printed.splitlines()[3:]]
        choices = ("second", "selector")
        self.assertEqual(rows, [[budget, name] for budget in ("30", "50") for name in choices])
        found = json.loads((self.folder / "x.json").read_text())
        self.assertEqual([point["budget"] for point in found], [0.3, 0.5])
        self.assertEqual(set(found[0]["selector"]["tasks"]), set(TASKS))

    def test_a_second_look_needs_no_calibration_of_a_selector(self):
        run = copy_run(self.folder / "no_prices")
        network = run.load_model()
        network.calibrations = {}
        network.save(run.model)
        few = "--search_evaluations=12"
        printed = run_command(evaluate, f"--model_dir={run.path}", "--joint_budgets=0.5", few)
        rows = [line.split()[:2] for line in printed.splitlines()[3:]]
        self.assertEqual(rows, [["50", "second"]])

    @parameterized.parameters("--joint_budgets=0.5", "--bounds")
    def test_without_a_search_it_is_refused(self, flag):
        line = self._run(flag, "--search_evaluations=0", run=run_failing)
        name = flag.partition("=")[0]
        self.assertIn(f"`--search_evaluations` must be 1 at least with {name}. Received", line)


@pytest.mark.slow
class BoundsTest(EvaluateTest):
    def test_a_row_for_what_a_choice_may_see(self):
        path = self.folder / "bounds.json"
        options = "--tasks=digits", "--search_evaluations=5", f"--json_out={path}"
        printed = self._run("--bounds", *options)
        self.assertStartsWith(printed, "On the test split, points over fixed models:\n\ndigits, by")
        rows = [line.split("  ")[1] for line in printed.splitlines()[4:]]
        stages = [f"features of a cheap model at stage {stage}" for stage in (1, 2, 3)]
        self.assertEqual(rows[:4], ["the labels", *stages])
        self.assertStartsWith(rows[4], "its answer, model ")
        self.assertEqual(list(read_json(path)), ["digits"])


class CurveTest(EvaluateTest):
    def test_a_table_csv_json_and_plot(self):
        printed = self._run("--budgets=0.9,0.01,0.7", f"--output_dir={self.output_dir}")
        self.assertStartsWith(printed, "On the test split:\n\ndigits: 600 images")
        self.assertEqual(printed.count("at the budget"), 3)
        names = sorted(path.name for path in self.output_dir.iterdir())
        self.assertEqual(names, [f"budget_curve.{end}" for end in ("csv", "json", "png")])
        found = read_json(self.output_dir / "budget_curve.json")
        expected = {"model_dir": str(self.run_folder.path), "split": "test", "backbone": "wrn-8-1"}
        self.assertEqual(found["settings"], expected)
        points = found["tasks"]["digits"]["budgets"]
        self.assertEqual([point["budget"] for point in points], [0.01, 0.7, 0.9])
        self.assertEqual([point["is_reachable"] for point in points], [False, True, True])
        for point in points[1:]:
            # Random weights: costs deviate by 0.4, the mean of 600 images by 0.016, that of the
            # 1197 to calibrate on by 0.012, and their difference by 0.02.
            self.assertAllClose(point["macs_share"], point["budget"], atol=3 * 0.02)
        with open(self.output_dir / "budget_curve.csv", newline="") as file:
            self.assertLen(list(csv.DictReader(file)), 3 + 1 + 3)
        png = (self.output_dir / "budget_curve.png").read_bytes()
        self.assertAllGreater(tf.io.decode_png(png).shape[:2], 500)

    def test_on_validation_images_and_without_a_folder(self):
        printed = self._run("--budgets=0.7", "--split=validation")
        self.assertStartsWith(printed, "On the validation split:\n\ndigits: 120 images")
        self.assertNotIn("Saved", printed)

    @parameterized.parameters("0", "1.2", "much", "nan")
    def test_budgets_out_of_range_are_refused(self, text):
        line = self._run(f"--budgets=0.5,{text}", run=run_failing)
        self.assertRegex(line, "--budgets=.* must be a number in .0.0, 1.0.")


@pytest.mark.slow
class SearchTest(EvaluateTest):
    def test_all_models_are_tried_where_they_are_few_and_the_best_are_found(self):
        printed = self._run("--search=27", "--budgets=0.3,0.6", f"--output_dir={self.output_dir}")
        found = read_json(self.output_dir / "models.json")["tasks"]["digits"]
        self.assertLen(found["tried"], 27)
        loaded = load_run(self.run_folder.path)
        table = loaded.model.cost_table("digits")
        read = batches_of(loaded.settings.data, loaded.specs)
        held_out = Answers(loaded.model, read("digits", "validation"), "digits")
        models = list(itertools.product(range(3), repeat=3))
        right = {m: held_out.are_right(m).mean() for m in models}
        shares = {m: float(table.macs_share(m, with_selector=False)) for m in models}
        for budget, best in zip([0.3, 0.6], found["best"], strict=True):
            self.assertEqual(best["budget"], budget)
            expected = max(right[m] for m in models if shares[m] <= budget)
            self.assertAllClose(best["validation_accuracy"], expected)
            self.assertAllClose(best["macs_share"], shares[tuple(best["levels"])])
        self.assertIn((self.output_dir / "table.md").read_text(), printed)
        with open(self.output_dir / "models.csv", newline="") as file:
            self.assertLen({row["levels"] for row in csv.DictReader(file)}, 27)
        self.assertTrue((self.output_dir / "models.png").exists())

    @parameterized.parameters("evolution", "random")
    def test_no_more_are_tried_than_asked_for(self, algorithm):
        printed = self._run("--search=10", f"--algorithm={algorithm}", "--search_seed=3")
        self.assertIn("10 of 27 models tried", printed)

    @parameterized.parameters(
        (["--budgets=0.001"], "`budgets` must allow the cheapest model of 'digits'"),
        (["--budgets=0.5,0.5"], "`budgets` must be numbers in .0, 1., each once"),
        (["--algorithm=grid"], "`algorithm` must be one of"),
        (["--output_dir=/proc/x"], "`output_dir` must be a folder that can be made"),
    )
    def test_bad_input_is_one_line(self, arguments, fault):
        line = self._run("--search=5", *arguments, run=run_failing)
        self.assertRegex(line, f"^error: .*{fault}")


@pytest.mark.slow
class CalibrateTest(EvaluateTest):
    def test_prices_are_set_anew_and_the_rest_of_the_model_stays(self):
        expected = self.run_folder.load_model()
        changed = copy_run(self.folder / "copy")
        model = changed.load_model()
        model.calibrations = {"digits": BudgetCalibration([0.2], [0.0])}
        model.save(changed.model)
        printed = run_command(evaluate, f"--model_dir={changed.path}", "--calibrate")
        self.assertEqual(printed, f"Saved: {changed.model}\n")
        found = changed.load_model()
        self.assertEqual(list(found.second_looks), list(TASKS))
        for task in TASKS:
            for figure in ("budgets", "prices"):
                actual = getattr(found.calibrations[task], figure)
                self.assertAllClose(actual, getattr(expected.calibrations[task], figure))
        for actual, weight in zip(found.weights, expected.weights, strict=True):
            self.assertAllEqual(actual, weight)

    def test_without_a_calibration_there_are_no_budgets(self):
        run = save_run(self.folder / "run", ("digits",), is_calibrated=False)
        for argument in ("--budget=0.5", "--budgets=0.5"):
            line = run_failing(evaluate, f"--model_dir={run.path}", argument)
            self.assertRegex(line, "must hold a network calibrated .* Received: .*without digits$")

    @parameterized.parameters("--calibrate", "--search=3")
    def test_without_validation_images_it_is_refused(self, argument):
        run = save_run(self.folder / "run", ("digits",), validation_share=0.0, is_calibrated=False)
        line = run_failing(evaluate, f"--model_dir={run.path}", argument)
        self.assertRegex(line, "`--model_dir` must hold a run with validation images")


@pytest.mark.slow
class RefreshAveragesTest(EvaluateTest):
    ACCURACY = r"\d+\.\d\d %"

    def _refresh(self, *arguments, run=run_command):
        arguments = ("--batches=2", "--batch_size=16", *arguments)
        arguments = ("--refresh_averages", f"--output_dir={self.output_dir}", *arguments)
        return self._run(*arguments, run=run)

    def _changed(self):
        """Returns the paths of the weights that differ between the old run and the new one."""
        old, new = self.run_folder.load_model(), RunFolder(self.output_dir).load_model()
        return [
            weight.path
            for weight, other in zip(old.weights, new.weights, strict=True)
            if np.any(weight.numpy() != other.numpy())
        ]

    def test_a_new_run_for_a_fixed_model(self):
        printed = self._refresh("--level=2")
        first, second, last = printed.splitlines()
        self.assertEqual(first, "For model 2-2-2, over 2 batches:")
        self.assertRegex(
            second, f"^  digits, validation split: {self.ACCURACY} before, {self.ACCURACY} after$"
        )
        self.assertEqual(last, f"Saved: {self.output_dir}")
        changed = self._changed()
        self.assertTrue(all(re.search("estimator.*digits_moving", path) for path in changed))
        self.assertLen(changed, 2 * (2 * 3 + 2))  # Mean and variance; in blocks, stem and head.
        new = RunFolder(self.output_dir)
        refreshed = {"model_dir": str(self.run_folder.path), "choice": "model 2-2-2", "batches": 2}
        expected = self.run_folder.read_description()
        expected["refreshed_averages"] = refreshed | {"tasks": ["digits"]}
        self.assertEqual(new.read_description(), expected)
        self.assertEqual(set(new.load_model().calibrations), set(TASKS))
        again = run_command(
            evaluate,
            f"--model_dir={new.path}",
            "--tasks=digits",
            "--split=validation",
            "--search_evaluations=0",
        )
        after = re.search("([0-9.]+) % after", second).group(1)
        self.assertRegex(again, f"level 2 everywhere +{after} ")
        with self.assertRaisesRegex(FileExistsError, "differs in refreshed_averages"):
            new.check(new.read_settings())  # It is no training to go on with.

    def test_the_selectors_own_choice_on_both_splits(self):
        printed = self._refresh("--split=test")
        lines = printed.splitlines()
        self.assertEqual(lines[0], "For the selector's choice, over 2 batches:")
        places = [f"  digits, {split} split" for split in ("validation", "test")]
        self.assertEqual([line.split(":")[0] for line in lines[1:-1]], places)

    def test_at_a_budget_it_is_the_choice_at_that_budget(self):
        # At this price everything that costs is switched off: no block's averages change.
        run = copy_run(self.folder / "old")
        model = run.load_model()
        model.calibrations = {"digits": BudgetCalibration([0.3, 0.9], [1e6, 0.0])}
        model.save(run.model)
        self.assertIn(
            "at a budget of 30 % MACs", self._refresh("--budget=0.3", f"--model_dir={run.path}")
        )
        changed = self._changed()
        self.assertNotEmpty(changed)
        self.assertFalse([path for path in changed if "block" in path])

    @parameterized.parameters(
        (["--levels=1-0"], "`--levels` must be 3 numbers"),
        (["--level=3"], r"`--level` must be in \[0, 3\)"),
        (["--level=1", "--budget=0.5"], "Only one of `--levels`, `--level` and `--budget`"),
        (["--batches=0"], "`batches` must be an integer >= 1"),
        (["--output_dir="], "`--output_dir` must be given"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, arguments, fault):
        self.assertRegex(self._refresh(*arguments, run=run_failing), f"^error: .*{fault}")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_place_that_is_taken_is_refused(self):
        self.output_dir.mkdir(parents=True)
        (self.output_dir / "thesis.txt").write_text("years of work")
        line = self._refresh("--level=1", run=run_failing)
        self.assertRegex(line, "^error: `output_dir` must be a new or empty folder")
        self.assertEqual([p.name for p in self.output_dir.iterdir()], ["thesis.txt"])

    def test_a_run_that_cannot_be_written_whole_is_not_written_at_all(self):
        self.output_dir.parent.mkdir()
        with (
            mock.patch.object(evaluate, "write_json", side_effect=OSError("disk full")),
            self.assertRaisesRegex(OSError, "disk full"),
        ):
            self._refresh("--level=1")
        self.assertEmpty(list(self.output_dir.parent.iterdir()))
