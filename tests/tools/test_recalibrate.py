import contextlib
import io
import pathlib
import re
import shutil
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import evaluate, recalibrate
from elastic_tf_tools.calibration_file import BudgetCalibration, write_calibrations
from elastic_tf_tools.run_directory import RunDirectory, read_json

from elastic_tf.training.callbacks import save_atomically
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

SAVED = {"tasks": ["digits", "fashion_mnist_small"], "validation_share": 0.1, "seed": 3}
TASKS = {
    "digits": {"image_shape": (8, 8, 1), "num_classes": 10},
    "fashion_mnist_small": {"image_shape": (28, 28, 1), "num_classes": 10},
}


def setUpModule():
    flags.FLAGS.mark_as_parsed()
    # Of another script where that has been imported before.
    if "output_dir" not in flags.FLAGS:
        recalibrate.define_output_dir(flags.FLAGS)


def make_run(path):
    """Makes a run whose running averages say nothing of the features."""
    run = RunDirectory(path)
    run.claim(SAVED)
    keras.utils.set_random_seed(1)
    model = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4, ratios=(0.0, 0.5, 1.0))
    save_atomically(model, run.model)
    calibration = BudgetCalibration([0.3, 0.9], [5.0, -5.0])
    write_calibrations(run.calibration, dict.fromkeys(TASKS, calibration))
    return run


class RecalibrateTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = pathlib.Path(tempfile.mkdtemp())
        cls.run_directory = make_run(cls.root / "run")
        cls.files = cls._files()
        # Most of what is promised shows in one new run.
        cls.new = RunDirectory(cls.root / "new" / "run")
        values = {"output_dir": str(cls.new.path), "level": 2, "tasks": ["digits"]}
        cls.status, cls.printed, _ = cls._run(**values)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "run"

    @classmethod
    def _files(cls):
        return {path.name: path.read_bytes() for path in cls.run_directory.path.iterdir()}

    @classmethod
    def _run(cls, main=recalibrate.main, **values):
        """Returns the exit status, and what was printed on stdout and stderr."""
        values = {
            "model_dir": str(cls.run_directory.path),
            "split": "validation",
            "batches": 2,
            "batch_size": "16",
        } | values
        out, errors, status = io.StringIO(), io.StringIO(), 0
        with (
            flagsaver.flagsaver(**values),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            try:
                main(["recalibrate"])
            except SystemExit as stopped:
                status = stopped.code
        return status, out.getvalue(), errors.getvalue()

    def _changed(self, new):
        """Returns the paths of the weights that differ between the old run and a new one."""
        old = keras.saving.load_model(self.run_directory.model)
        new = keras.saving.load_model(new.model)
        return [
            weight.path
            for weight, other in zip(old.weights, new.weights, strict=True)
            if np.any(weight.numpy() != other.numpy())
        ]

    def test_accuracies_are_printed_before_and_after(self):
        self.assertEqual(self.status, 0)
        lines = self.printed.splitlines()
        self.assertEqual(lines[0], "For model 2-2-2, over 2 batches:")
        accuracy = r"\d+\.\d\d %"
        self.assertRegex(
            lines[1], f"^  digits, validation split: {accuracy} before, {accuracy} after$"
        )
        self.assertLen(lines, 3)

    def test_the_new_run_can_be_evaluated(self):
        results = self.folder / "results.json"
        self._run(
            evaluate.main,
            model_dir=str(self.new.path),
            json_out=str(results),
            search_evaluations=0,
            tasks=["digits"],
        )
        accuracy = read_json(results)["digits"]["accuracy"]["full"]
        self.assertIn(f"before, {100 * accuracy:.2f} % after", self.printed)

    def test_the_averages_of_the_task_alone_change(self):
        changed = self._changed(self.new)
        self.assertTrue(all(re.search("^.*estimator.*digits_moving", path) for path in changed))
        self.assertLen(changed, 2 * (2 * 3 + 2))  # Mean and variance; in blocks, stem and head.

    def test_flags_are_kept_and_what_was_done_is_written_down(self):
        done = {
            "model_dir": str(self.run_directory.path),
            "choice": "model 2-2-2",
            "batches": 2,
            "tasks": ["digits"],
        }
        self.assertEqual(self.new.read_flags(), SAVED | {"recalibrated": done})

    def test_the_old_run_is_left_alone(self):
        self.assertEqual(self._files(), self.files)

    def test_the_calibration_stays_as_the_selector_does(self):
        self.assertEqual(self.new.calibration.read_bytes(), self.files["calibration.json"])

    def test_all_tasks_by_the_selectors_own_choice_on_both_splits(self):
        _, printed, _ = self._run(output_dir=str(self.output_dir), split="test")
        lines = printed.splitlines()
        self.assertEqual(lines[0], "For the selector's choice, over 2 batches:")
        places = [f"  {task}, {split} split" for task in TASKS for split in ("validation", "test")]
        self.assertEqual([line.split(":")[0] for line in lines[1:-1]], places)
        changed = self._changed(RunDirectory(self.output_dir))
        self.assertTrue(any("fashion_mnist_small_moving" in path for path in changed))

    def test_at_a_budget_it_is_the_choice_at_that_budget(self):
        # At this price everything that costs is switched off: no block's averages change.
        prices = dict.fromkeys(TASKS, BudgetCalibration([0.3, 0.9], [1e6, 0.0]))
        run = make_run(self.folder / "old")
        write_calibrations(run.calibration, prices)
        values = {"model_dir": str(run.path), "output_dir": str(self.output_dir)}
        _, printed, _ = self._run(budget=0.3, tasks=["digits"], **values)
        self.assertIn("at a budget of 30 % MACs", printed)
        changed = self._changed(RunDirectory(self.output_dir))
        self.assertNotEmpty(changed)
        self.assertFalse([path for path in changed if "block" in path])

    def test_a_budget_needs_a_calibration(self):
        run = make_run(self.folder / "old")
        run.calibration.unlink()
        values = {"model_dir": str(run.path), "output_dir": str(self.output_dir)}
        status, _, errors = self._run(budget=0.3, **values)
        self.assertEqual(status, 2)
        self.assertIn("`--model_dir` must hold a calibration.json for `--budget`", errors)

    @parameterized.parameters(
        ({"levels": "1-0"}, "`--levels` must be 3 numbers"),
        ({"level": 3}, r"`--level` must be in \[0, 3\)"),
        ({"level": 1, "budget": 0.5}, "Only one of `--levels`, `--level` and `--budget`"),
        ({"model_dir": "/absent"}, "`--model_dir` must be the output directory"),
        ({"tasks": ["mnist"]}, "`--tasks` must be of digits, fashion_mnist_small"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, values, message):
        status, _, errors = self._run(**{"output_dir": str(self.output_dir)} | values)
        self.assertEqual(status, 2)
        self.assertRegex(errors, f"^error: {message}.*\n$")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_place_that_is_taken_is_refused(self):
        self.output_dir.mkdir(parents=True)
        (self.output_dir / "thesis.txt").write_text("years of work")
        status, _, errors = self._run(level=1, output_dir=str(self.output_dir))
        self.assertEqual(status, 2)
        self.assertRegex(errors, "^error: `--output_dir` must be new or empty. Received: .*run\n$")
        self.assertEqual([p.name for p in self.output_dir.iterdir()], ["thesis.txt"])

    def test_a_run_that_cannot_be_written_whole_is_not_written_at_all(self):
        with mock.patch.object(recalibrate, "write_json", side_effect=OSError("disk full")):
            with self.assertRaisesRegex(OSError, "disk full"):
                values = {"level": 1, "tasks": ["digits"], "output_dir": str(self.output_dir)}
                self._run(**values)
        self.assertEmpty(list(self.folder.iterdir()))


if __name__ == "__main__":
    tf.test.main()
