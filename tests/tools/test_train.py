import contextlib
import io
import pathlib
import signal
import tempfile
from unittest import mock

from elastic_tf_tools import evaluate, flags, train
from elastic_tf_tools.run_folder import RunFolder

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from sklearn.utils.class_weight import compute_class_weight

import elastic_tf
import pipelines
from elastic_tf.files import read_json, write_json
from elastic_tf.training.checkpoints import checkpoint_files
from tests.tools.commands import run_command, run_failing
from tests.tools.trained_run import FLAGS, TASKS, TOTAL_STEPS, copy_run, trained_run

# Less than that run: one task, and as many steps as its stages need.
NETWORK = {"backbone": "wrn-8-1", "num_levels": 2, "trunk_size": 4}
SCHEDULE = {"initial_steps": 4, "rounds": 2, "selector_steps": 3, "estimator_steps": 2}
SMALL = (
    "--tasks=digits",
    "--batch_size=4",
    *(f"--{name}={value}" for name, value in (NETWORK | SCHEDULE).items()),
    "--steps_per_epoch=2",
    "--policy_health_every=0",
    "--search_evaluations=0",
)


@pytest.mark.slow
class FinishedRunTest(tf.test.TestCase, parameterized.TestCase):
    """A short training of both tasks, and what its folder holds and refuses."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path, cls.printed = trained_run()
        cls.run_folder = RunFolder(path)

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_results_hold_every_figure_of_every_task(self):
        results = read_json(self.run_folder.results)
        self.assertEqual(set(results), set(TASKS))
        for figures in results.values():
            levels = {"level_0", "level_1", "level_2"}
            blind = {"random", "random_at_cost", "shuffled", "front"}
            self.assertEqual(set(figures["accuracy"]), {"selector", "full"} | levels | blind)
            for name in ("density", "macs_share", "policy", "gain_over_front"):
                self.assertIn(name, figures)
            self.assertIn("gain_over_test_hull", figures)
            self.assertIn("gain_over_front_mean", figures)
        self.assertEqual(results["digits"]["num_images"], 600)

    def test_what_is_trained_and_the_table_are_printed(self):
        for text in (
            "wrn-8-1: 3 blocks of 3 levels, 27 models in",
            f"{TOTAL_STEPS} steps on CPU",
            "1,077 training images, 8 per step",
            f"Saved: {self.run_folder.model}",
            "On the validation images: digits",
            "On the test split:",
        ):
            self.assertIn(text, self.printed)
        for row in ("selector", "full model", "level 2 everywhere", "shuffled", "random levels"):
            self.assertIn(row, self.printed)

    def test_tensorboard_logs_are_there(self):
        for folder in ("train", "validation", "policy"):
            self.assertNotEmpty(list((self.run_folder.logs / folder).glob("events.*")), folder)

    def test_the_saved_model_stands_at_the_end_and_is_calibrated(self):
        model = self.run_folder.load_model()
        self.assertEqual(int(model.step.numpy()), TOTAL_STEPS)
        self.assertEqual(set(model.calibrations), set(TASKS))
        for calibration in model.calibrations.values():
            self.assertAllClose(calibration.budgets[-1], 1.0)
        self.assertEmpty(checkpoint_files(self.run_folder.checkpoint))

    def test_the_target_is_settled(self):
        for curve in read_json(self.run_folder.validation)["tasks"].values():
            self.assertAllClose(curve["selector"]["macs_share"], 0.7, atol=0.05)

    def test_validation_json_holds_the_choice_and_a_curve(self):
        found = read_json(self.run_folder.validation)
        self.assertEqual(found["step"], TOTAL_STEPS)
        self.assertTrue(found["is_whole_training"] and found["is_selector_trained"])
        for task in TASKS:
            self.assertLen(found["tasks"][task]["budgets"], 10)
            choice = found["tasks"][task]["selector"]
            line = f"{task} {100 * choice['accuracy']:.2f} % at {100 * choice['macs_share']:.1f} %"
            self.assertIn(line, self.printed)

    def test_evaluate_reprints_the_table(self):
        table = self.printed[self.printed.index("digits: 600 images") :].split("\n\nSaved")[0]
        again = run_command(
            evaluate, f"--model_dir={self.run_folder.path}", "--search_evaluations=5"
        )
        self.assertIn(table, again)

    def test_a_finished_run_is_reprinted_and_left_alone(self):
        before = self.run_folder.model.read_bytes()
        printed = run_command(train, f"--output_dir={self.run_folder.path}", *FLAGS)
        self.assertIn("holds this run, finished", printed)
        self.assertIn("full model", printed)
        self.assertEqual(self.run_folder.model.read_bytes(), before)

    def test_another_run_in_the_same_place_is_refused(self):
        line = run_failing(train, f"--output_dir={self.run_folder.path}", *FLAGS, "--rho=3")
        self.assertRegex(line, "^error: `output_dir` must .* differs in price$")

    @parameterized.parameters("training_images", "image_checksums")
    def test_other_images_than_at_the_start_are_refused(self, name):
        run = RunFolder(copy_run(self.folder / "run"))
        run.results.unlink()
        others = {"digits": 1190, "fashion_mnist_small": 1}
        write_json(run.file, run.read_description() | {name: others})
        line = run_failing(train, f"--output_dir={run.path}", *FLAGS)
        self.assertRegex(line, f"^error: `output_dir` must .* differs in {name}$")

    def test_a_damaged_checkpoint_is_named(self):
        run = RunFolder(copy_run(self.folder / "run"))
        run.results.unlink()
        run.checkpoint.write_bytes(b"no zip")
        line = run_failing(train, f"--output_dir={run.path}", *FLAGS)
        self.assertRegex(line, "^error: .*checkpoint.keras must be .* Move it away to start anew")


class TrainTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "run"

    def test_without_validation_images_there_are_no_budgets_and_that_is_said(self):
        printed = run_command(
            train, f"--output_dir={self.output_dir}", *SMALL, "--rounds=0", "--validation_share=0"
        )
        self.assertIn("No budgets: --validation_share=0", printed)
        run = RunFolder(self.output_dir)
        self.assertEmpty(run.load_model().calibrations)
        self.assertTrue(run.results.exists())
        self.assertFalse(run.validation.exists())

    def test_balanced_classes_count_as_much_as_each_other(self):
        network = elastic_tf.DeepElasticNetwork
        with mock.patch.object(network, "fit", side_effect=Killed) as fit:
            with contextlib.suppress(Killed):
                run_command(
                    train, f"--output_dir={self.output_dir}", *SMALL, "--class_weights=balanced"
                )
        data = pipelines.DataSettings(tasks=("digits",))
        batches = data.split_batches(*data.task_specs(), "train")
        labels = np.concatenate([labels for _, labels in batches])
        expected = compute_class_weight("balanced", classes=np.arange(10), y=labels)
        self.assertGreater(np.ptp(expected), 0.01)
        found = fit.call_args.kwargs["class_weight"]
        self.assertEqual(list(found), ["digits"])
        self.assertAllClose([found["digits"][label] for label in range(10)], expected)

    def test_a_training_that_diverges_says_so_and_keeps_the_folder(self):
        # The loss of the only step, before its update, is a number.
        rate = "--learning_rate=1e39"
        with self.assertRaisesRegex(
            FloatingPointError, r"^Training diverged at step 1; .*Weights .* must be finite\. .*$"
        ):
            run_command(train, f"--output_dir={self.output_dir}", *SMALL, rate, "--until_step=1")
        run = RunFolder(self.output_dir)
        self.assertTrue(run.file.exists())
        self.assertFalse(run.checkpoint.exists() or run.validation.exists())

    @pytest.mark.slow
    def test_a_training_that_diverges_restarts_at_lower_rates_if_wanted(self):
        class AboveARate(train.RaiseOnDivergence):
            def on_train_batch_end(self, batch, logs=None):
                step, rate = int(self.model.step.numpy()), self.model.optimizers.learning_rate
                if step == 3 and rate > 0.06:
                    raise FloatingPointError(f"Training diverged at step 3 and {rate}")

        arguments = (f"--output_dir={self.output_dir}", *SMALL, "--rounds=0", "--nofinal_test")
        with mock.patch.object(train, "RaiseOnDivergence", AboveARate):
            printed = run_command(train, *arguments, "--on_divergence=restart")
        for text in (
            "diverged at step 3 and 0.1",
            "Continuing at step 2",
            "from here on: 0.05",
        ):
            self.assertIn(text, printed)
        model = RunFolder(self.output_dir).load_model()
        self.assertEqual(int(model.step.numpy()), 4)
        self.assertEqual(model.optimizers.learning_rate, 0.05)

    def test_one_that_diverges_at_any_rate_ends(self):
        rates = []

        def fit(model, *others):
            rates.append(model.optimizers.learning_rate)
            raise FloatingPointError("Training diverged")

        arguments = (f"--output_dir={self.output_dir}", *SMALL, "--on_divergence=restart")
        with mock.patch.object(train, "_fit", fit):
            with self.assertRaisesRegex(FloatingPointError, "^Training diverged$"):
                run_command(train, *arguments)
        self.assertEqual(rates, [0.1 / 2**restart for restart in range(6)])

    def test_a_disk_without_room_is_found_before_the_work(self):
        usage = mock.Mock(free=1000)
        with mock.patch.object(train.shutil, "disk_usage", return_value=usage):
            line = run_failing(train, f"--output_dir={self.output_dir}", *SMALL)
        self.assertRegex(
            line, "`output_dir` must be on a disk with .* MB free.*Received: .* 0.0 MB"
        )

    def test_two_trainings_in_one_folder_are_refused(self):
        with RunFolder(self.output_dir).locked():
            line = run_failing(train, f"--output_dir={self.output_dir}", *SMALL)
            self.assertRegex(line, "^error: `output_dir` must .*another process is writing to$")

    @parameterized.parameters(
        (["--tasks=digits,birds"], "birds"),
        (["--ratios=0,0.5,0.25,1"], "`ratios` must be increasing"),
        (["--batch_size=digits=4,mnist=4"], "`batch_size` must give one number for each of digits"),
        (["--batch_size=digits=4", "--task_weights=sqrt"], "`batch_size` must be one number"),
        (["--task_weights=mnist=1"], "`task_weights` must give one number for each of digits"),
        (["--cache_dir=/nowhere"], "`cache_dir` must be an existing folder"),
        (["--tasks=cifar100", "--data_dir=/nowhere"], "cifar100"),
        (["--until_step=0"], "until_step"),
    )
    def test_bad_input_is_an_error_before_anything_is_written(self, arguments, fault):
        line = run_failing(train, f"--output_dir={self.output_dir}", *SMALL, *arguments)
        self.assertIn(fault, line)
        self.assertIn("Received", line)
        self.assertEmpty(list(self.folder.iterdir()))


class Killed(Exception):
    pass


def train_by_library():
    """Returns a network trained as `SMALL` says, with the library's defaults, in one go."""
    keras.utils.set_random_seed(0)
    settings = elastic_tf.NetworkSettings(**NETWORK)
    tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    model = elastic_tf.DeepElasticNetwork(tasks, **settings.arguments())
    model.compile(elastic_tf.StageSchedule(**SCHEDULE))
    data = pipelines.DataSettings(tasks=("digits",), batch_size=4)
    batches = data.training_batches(data.task_specs(), seed=0)
    steps = model.stages.total_steps
    model.fit(batches, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
    return model


@pytest.mark.slow
class SameEndTest(tf.test.TestCase):
    """A run in parts: stopped, killed, its checkpoint damaged, told to stop, tested later."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.run_folder = RunFolder(folder / "run")
        arguments = (f"--output_dir={cls.run_folder.path}", *SMALL)
        cls.stopped = run_command(train, *arguments, "--until_step=4")
        cls.figures_of_part = read_json(cls.run_folder.validation)

        class Kill(train.StopAtStep):
            def on_train_batch_end(self, batch, logs=None):
                if int(self.model.step.numpy()) == 7:
                    raise Killed

        with mock.patch.object(train, "StopAtStep", Kill), contextlib.suppress(Killed):
            run_command(train, *arguments)
        cls.checkpoints = [path.name for path in checkpoint_files(cls.run_folder.checkpoint)]
        last = cls.run_folder.checkpoint
        last.write_bytes(last.read_bytes()[:-1000])

        class Terminate(train.StopAtStep):
            def on_train_batch_end(self, batch, logs=None):
                if int(self.model.step.numpy()) == 5:
                    signal.raise_signal(signal.SIGTERM)

        printed = io.StringIO()
        with mock.patch.object(train, "StopAtStep", Terminate), contextlib.redirect_stdout(printed):
            try:
                flags.run(train, ["train", *arguments])
            except SystemExit as stopped:
                cls.status = stopped.code
        cls.terminated = printed.getvalue()
        cls.was_trained = cls.run_folder.model.exists()
        cls.resumed = run_command(train, *arguments, "--nofinal_test")
        cls.was_tested = cls.run_folder.results.exists()
        cls.reprinted = run_command(train, *arguments, "--nofinal_test")
        cls.tested = run_command(train, *arguments)

    def test_a_part_ends_with_a_checkpoint_and_figures(self):
        self.assertIn("Stopped at step 4", self.stopped)
        part = self.figures_of_part
        self.assertEqual((part["step"], part["is_whole_training"]), (4, False))
        self.assertFalse(part["is_selector_trained"])

    def test_it_ends_bit_for_bit_as_a_training_by_the_library_at_once(self):
        self.assertFalse(self.was_trained)
        self.assertIn("Continuing at step 5", self.resumed)
        parts, whole = self.run_folder.load_model(), train_by_library()
        self.assertEqual(int(parts.step.numpy()), whole.stages.total_steps)
        for actual, expected in zip(parts.weights, whole.weights, strict=True):
            self.assertAllEqual(actual, expected, expected.path)
        self.assertGreater(np.abs(whole.get_weights()[0]).max(), 0)

    def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(self):
        self.assertEqual(self.checkpoints, ["checkpoint.keras", "checkpoint.previous.keras"])
        self.assertRegex(
            self.terminated,
            r"Damaged, .*checkpoint\.keras must .*\n.*step 4 from .*checkpoint\.previous\.keras\n",
        )

    def test_a_signal_saves_the_step_at_hand(self):
        self.assertEqual(self.status, 143)
        self.assertRegex(
            self.terminated, "\nStopped by SIGTERM at step 5. Saved: .*keras. The same"
        )

    def test_a_trained_run_is_not_trained_again_for_the_test(self):
        self.assertFalse(self.was_tested)
        self.assertRegex(self.reprinted, "finished(.|\\n)*digits .* % at .* % MACs")
        self.assertNotIn("steps/s", self.tested)
        self.assertIn("On the test split", self.tested)


if __name__ == "__main__":
    tf.test.main()
