import pathlib
import tempfile
from unittest import mock

from elastic_tf_tools import benchmark

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.files import read_json
from tests.tools.commands import run_command, run_failing
from tests.tools.finished_run import finished_run

QUICK = ("--seconds_per_group=0", "--min_rounds=2", "--seed=5", "--training_batch_size=4")
SMALL = ("--backbone=wrn-8-1", "--num_levels=2", "--trunk_size=4", "--image_size=8")
SMALL += ("--tasks=digits", "--batch_size=4")
ROW_KEYS = {"name", "batch_size", "seconds_median", "seconds_p95"}
ROW_KEYS |= {"ratio_to_dense", "macs_share", "overhead"}


@pytest.mark.slow
class RandomNetworkTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        outputs = (f"--json_out={cls.folder}/out.json", f"--plot_out={cls.folder}/out.png")
        what = ("--batch_sizes=1,3", "--measure=inference,input")
        cls.printed = run_command(benchmark, *QUICK, *SMALL, *outputs, *what)
        cls.written = read_json(cls.folder / "out.json")

    def test_every_row_has_every_key(self):
        for row in self.written["rows"]:
            self.assertEqual(set(row), ROW_KEYS)
            self.assertGreater(row["seconds_median"], 0)
            self.assertGreaterEqual(row["seconds_p95"], row["seconds_median"])
            if row["name"].startswith("input_"):
                self.assertIsNone(row["macs_share"])
                self.assertIsNone(row["overhead"])
            else:
                overhead = row["ratio_to_dense"] - row["macs_share"]
                self.assertAllClose(row["overhead"], overhead)
            if row["name"] in ("dense", "input_cached"):
                self.assertEqual(row["ratio_to_dense"], 1.0)

    def test_every_group_is_measured_at_its_batch_sizes(self):
        sizes = {}
        for row in self.written["rows"]:
            sizes.setdefault(row["name"], []).append(row["batch_size"])
        for name in ("dense", "standalone_level_0", "masked", "elastic_level_0", "elastic_level_1"):
            self.assertEqual(sizes[name], [1, 3])
        for name in ("input_cached", "input_pipeline"):
            self.assertEqual(sizes[name], [4])
        self.assertNotIn("standalone_level_1", sizes)  # It is `dense`.
        self.assertNotIn("elastic_selected", sizes)

    def test_the_settings_say_what_was_measured(self):
        settings = self.written["settings"]
        self.assertEqual(settings["backbone"], "wrn-8-1")
        self.assertEqual(settings["image_shape"], [8, 8, 3])
        self.assertEqual(settings["ratios"], [[0.0, 1.0]] * 3)
        self.assertEqual(settings["tensorflow_version"], tf.__version__)
        self.assertEqual(settings["rounds"]["Prediction, batch size 3"], 2)
        self.assertIn("PU", settings["device"])
        self.assertGreaterEqual(settings["cores"], 1)
        expected = {"batch_sizes": [1, 3], "model_dir": None, "seed": 5, "trunk_size": 4}
        self.assertEqual(expected, {name: settings["flags"][name] for name in expected})

    def test_tables_and_the_sentence_are_printed(self):
        for title in ("Prediction, batch size 1", "Prediction, batch size 3", "Input pipeline"):
            self.assertIn(f"\n{title}, ", self.printed)
        self.assertRegex(self.printed, "\n(Slower than dense at: .*|No elastic row was .*)[.]\n")

    def test_the_plot_is_a_picture(self):
        pixels = tf.io.decode_png((self.folder / "out.png").read_bytes())
        self.assertAllGreater(pixels.shape[:2], 900)
        self.assertGreater(np.std(pixels), 0)

    @parameterized.parameters(
        (["--ratios=0,0.5,0.25,1"], "`ratios` must be increasing"),
        (["--tasks=birds"], "birds"),
        (["--json_out=/nowhere/out.json"], "`json_out` must be a file in a folder that exists"),
        (["--plot_out=/nowhere/out.png"], "`plot_out` must be a file in a folder that exists"),
        (["--plot_out=a.png", "--measure=input"], "`--measure` must hold inference"),
        (["--task=digits"], "`--task` must be left out without --model_dir"),
        (["--model_dir=/nowhere"], "`--image_size` must be left out with --model_dir"),
        (["--models=0"], "`--models` must be left out without --exports"),
        (["--exports=a"], "`--exports` must have --model_dir beside it"),
        (["--batch_sizes=0"], "`batch_sizes` must be an integer >= 1"),
        (["--batch_sizes=x"], "--batch_sizes=x: must be an integer >= 1"),
        (["--batch_sizes=2,2"], "`--batch_sizes` must hold one or more, each once"),
        (["--measure=everything"], "`measure` must be one of ('inference', "),
        (["--measure="], "`--measure` must hold one or more, each once"),
        (["--min_rounds=0"], "`min_rounds` must be an integer >= 1"),
        (["--seconds_per_group=-1"], "`seconds_per_group` must be a number >= 0"),
        (["a"], "must be flags"),
    )
    def test_bad_input_is_one_line(self, arguments, fault):
        self.assertIn(fault, run_failing(benchmark, *SMALL, *arguments))


class TrainedRunTest(tf.test.TestCase):
    @pytest.mark.slow
    def test_it_is_measured_on_test_images_with_its_selectors_choice(self):
        out = pathlib.Path(self.get_temp_dir()) / "out.json"
        arguments = [f"--model_dir={finished_run().path}", "--task=fashion_mnist_small"]
        arguments += ["--measure=inference,training", "--batch_sizes=3", f"--json_out={out}"]
        # Each graph takes seconds to build.
        kept = {
            "inference": ("dense", "elastic_selected"),
            "training": ("train_dense", "train_selector"),
        }
        for group, names in kept.items():
            self.enterContext(_some_candidates(f"{group}_candidates", names))
        printed = run_command(benchmark, *QUICK, *arguments, "--profile_rows=train_dense,masked")
        written = read_json(out)
        self.assertEqual(
            [row["name"] for row in written["rows"]], [*kept["inference"], *kept["training"]]
        )
        self.assertEqual(written["settings"]["image_shape"], [28, 28, 1])
        self.assertEqual(written["settings"]["flags"]["trunk_size"], 4)  # The run's.
        self.assertIn("\nTraining step, batch size 4, 2 rounds", printed)
        self.assertRegex(printed, r"\| train_dense +\| calls \|")
        self.assertIn("Conv2D", printed)

    def test_a_bad_run_or_task_is_one_line(self):
        fault = run_failing(benchmark, "--model_dir=/nowhere")
        self.assertIn("`--model_dir` must be the output directory of a training run", fault)
        fault = run_failing(benchmark, f"--model_dir={finished_run().path}", "--task=mnist")
        self.assertIn("`--task` must be one of digits, fashion_mnist_small", fault)


def _some_candidates(function, names):
    """Returns a patch of the command by which it measures some rows only."""
    make = getattr(benchmark, function)

    def make_some(subject, batch_size):
        candidates = make(subject, batch_size)
        return {name: candidates[name] for name in names}

    return mock.patch.object(benchmark, function, make_some)
