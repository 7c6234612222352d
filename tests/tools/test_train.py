import pathlib
import shutil
import tempfile

import keras
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import evaluate, train
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.run_directory import read_json

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests.tools.commands import run_failing, run_main

# A run of seconds: both tasks, every stage, two epochs and a bit.
TINY = {
    "tasks": ["digits", "fashion_mnist_small"],
    "batch_size": "digits=4,fashion_mnist_small=2",
    "validation_share": 0.005,
    "backbone": "wrn-8-1",
    "trunk_size": 4,
    "num_levels": 3,
    "initial_steps": 2,
    "rounds": 2,
    "selector_steps": 1,
    "estimator_steps": 1,
    "steps_per_epoch": 2,
    "policy_health_every": 2,
    "policy_health_images": 2,
    "seed": 3,
}
TOTAL_STEPS = 5


def setUpModule():
    flags.FLAGS(["train", "--output_dir=unused"])


class TrainTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.output_dir = cls.folder / "run"
        cls.printed = run_main(train.main, output_dir=str(cls.output_dir), **TINY)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def test_results_hold_every_figure_of_every_task(self):
        results = read_json(self.output_dir / "results.json")
        self.assertEqual(set(results), set(TINY["tasks"]))
        for figures in results.values():
            levels = {"level_0", "level_1", "level_2"}
            blind = {"random", "random_at_cost", "shuffled", "best_fixed"}
            self.assertEqual(set(figures["accuracy"]), {"selector", "full"} | levels | blind)
            for name in ("density", "macs_share", "policy", "gain_over_best_fixed"):
                self.assertIn(name, figures)
            self.assertEqual(set(figures["policy"]["top_models"][0]), {"levels", "share"})
        self.assertEqual(results["digits"]["num_images"], 600)

    def test_the_table_is_printed(self):
        for row in ("selector", "full model", "level 2 everywhere", "shuffled", "random levels"):
            self.assertIn(row, self.printed)

    def test_tensorboard_logs_are_there(self):
        for folder in ("train", "validation", "policy"):
            self.assertNotEmpty(list((self.output_dir / "logs" / folder).glob("events.*")), folder)

    def test_the_saved_model_stands_at_the_end(self):
        model = keras.saving.load_model(self.output_dir / "model.keras")
        self.assertIsInstance(model, DeepElasticNetwork)
        self.assertEqual(int(model.step.numpy()), TOTAL_STEPS)

    def test_every_task_is_calibrated(self):
        calibrations = read_calibrations(self.output_dir / "calibration.json", TINY["tasks"])
        for calibration in calibrations.values():
            self.assertAllClose(calibration.budgets[-1], 1.0)

    def test_without_validation_images_there_is_no_calibration_and_that_is_said(self):
        output_dir = self.folder / "all_in_training"
        values = TINY | {"tasks": ["digits"], "batch_size": "4", "validation_share": 0.0}
        printed = run_main(train.main, output_dir=str(output_dir), **values)
        self.assertIn("No calibration.json", printed)
        self.assertFalse((output_dir / "calibration.json").exists())
        self.assertTrue((output_dir / "results.json").exists())

    def test_evaluate_reprints_the_table(self):
        table = self.printed[self.printed.index("digits: 600 images") :].split("\n\nSaved")[0]
        again = run_main(evaluate.main, model_dir=str(self.output_dir))
        self.assertIn(table, again)

    def test_a_finished_run_is_reprinted_and_left_alone(self):
        before = (self.output_dir / "model.keras").read_bytes()
        printed = run_main(train.main, output_dir=str(self.output_dir), **TINY)
        self.assertIn("finished", printed)
        self.assertIn("full model", printed)
        self.assertEqual((self.output_dir / "model.keras").read_bytes(), before)

    def test_another_run_in_the_same_place_is_refused(self):
        before = (self.output_dir / "results.json").read_bytes()
        line = run_failing(train.main, output_dir=str(self.output_dir), **TINY | {"rho": 3.0})
        self.assertRegex(line, "^error: `--output_dir` must .* differs in rho\n$")
        self.assertEqual((self.output_dir / "results.json").read_bytes(), before)

    def test_validation_json_holds_what_evaluate_finds(self):
        found = read_json(self.output_dir / "validation.json")
        self.assertEqual(found["step"], TOTAL_STEPS)
        self.assertTrue(found["is_whole_training"])
        self.assertTrue(found["is_selector_trained"])
        path = self.folder / "validation_results.json"
        values = {"split": "validation", "json_out": str(path), "search_evaluations": 0}
        run_main(evaluate.main, model_dir=str(self.output_dir), **values)
        for task, expected in read_json(path).items():
            choice = found["tasks"][task]["selector"]
            self.assertAllClose(choice["accuracy"], expected["accuracy"]["selector"])
            self.assertAllClose(choice["macs_share"], expected["macs_share"])
            self.assertLen(found["tasks"][task]["budgets"], 10)

    def test_other_images_than_at_the_start_are_refused(self):
        output_dir = self.folder / "grown"
        with flagsaver.flagsaver(**TINY):
            counts = {"digits": 1190, "fashion_mnist_small": 1}
            flags_and_counts = train._run_flags() | {"training_images": counts}
            train.RunDirectory(output_dir).claim(flags_and_counts)
        line = run_failing(train.main, output_dir=str(output_dir), **TINY)
        self.assertRegex(line, "^error: `--output_dir` must .* differs in training_images\n$")
        self.assertEqual(read_json(output_dir / "run.json"), flags_and_counts)

    def test_a_damaged_checkpoint_is_named(self):
        output_dir = self.folder / "damaged"
        with flagsaver.flagsaver(**TINY):
            train.RunDirectory(output_dir).claim(train._run_flags())
        (output_dir / "checkpoint.keras").write_bytes(b"no zip")
        line = run_failing(train.main, output_dir=str(output_dir), **TINY)
        self.assertRegex(line, "^error: .*checkpoint.keras must be a checkpoint.*\n$")

    @parameterized.parameters(
        ({"tasks": ["digits", "birds"]}, "birds"),
        ({"ratios": "0,0.5,0.25,1"}, "`ratios` must be increasing"),
        ({"batch_size": "digits=4"}, "`--batch_size` must give one number for each of"),
        ({"task_weights": "sqrt"}, "`--batch_size` must be one number where `--task_weights`"),
        (
            {"batch_size": "4", "task_weights": "digits=1"},
            "`--task_weights` must give one number for each of digits, fashion_mnist_small",
        ),
        ({"batch_size": "4", "cache_dir": "/nowhere"}, "`cache_dir` must be an existing folder"),
        ({"samples_per_image": 1}, "`samples_per_image` must be an integer >= 2"),
        ({"initial_distribution": "random", "tasks": ["cifar100"], "batch_size": "4"}, "cifar100"),
    )
    def test_bad_input_is_an_error_before_anything_is_written(self, values, fault):
        output_dir = self.folder / "bad"
        values = TINY | {"data_dir": str(self.folder / "nowhere")} | values
        line = run_failing(train.main, output_dir=str(output_dir), **values)
        self.assertIn(fault, line)
        self.assertIn("Received", line)
        self.assertLessEqual(line.count("\n"), 3)
        self.assertFalse(output_dir.exists())

    @parameterized.parameters(
        ("backbone", "vit-b"),
        ("batch_size", "0"),
        ("task_weights", "cube"),
        ("task_weights", "digits=0"),
        ("l2", "-1"),
        ("ratios", "a,b"),
        ("initial_decay_at", ["2"]),
        ("round_decay_after", ["0"]),
        ("tasks", ["digits", "digits"]),
        ("rho", -1.0),
        ("validation_share", 0.9),
    )
    def test_flags_out_of_range_are_refused(self, name, value):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, name):
            with flagsaver.flagsaver(**{name: value}):
                pass

    def test_a_folder_without_a_run_cannot_be_evaluated(self):
        line = run_failing(evaluate.main, model_dir=str(self.folder))
        self.assertRegex(line, "^error: `--model_dir` must be the output directory")

    def test_an_unfinished_run_cannot_be_evaluated(self):
        output_dir = self.folder / "unfinished"
        with flagsaver.flagsaver(**TINY):
            train.RunDirectory(output_dir).claim(train._run_flags())
        line = run_failing(evaluate.main, model_dir=str(output_dir))
        self.assertRegex(line, "^error: `--model_dir` must hold a finished run")


if __name__ == "__main__":
    tf.test.main()
