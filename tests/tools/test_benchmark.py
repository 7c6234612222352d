import contextlib
import io
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import benchmark
from elastic_tf_tools.run_directory import RunDirectory, read_json

from elastic_tf.training.callbacks import save_atomically
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

TINY = {
    "backbone": "wrn-8-1",
    "num_levels": 2,
    "trunk_size": 4,
    "image_size": 8,
    "batch_sizes": ["1", "3"],
    "training_batch_size": 4,
    "tasks": ["digits"],
    "batch_size": "4",
    "seconds_per_group": 0.0,
    "min_rounds": 2,
    "seed": 5,
}
OF_A_RUN = ("backbone", "num_levels", "trunk_size", "image_size", "tasks")
ROW_KEYS = {
    "name",
    "batch_size",
    "seconds_median",
    "seconds_p95",
    "ratio_to_dense",
    "macs_share",
    "overhead",
}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


def run_main(**values):
    """Calls `main` with flags set and returns what it printed."""
    stream = io.StringIO()
    with flagsaver.flagsaver(**values), contextlib.redirect_stdout(stream):
        benchmark.main(["benchmark"])
    return stream.getvalue()


def run_failing(**values):
    """Calls a `main` that must end with a one-line error and returns the line."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        try:
            run_main(**values)
        except SystemExit as stopped:
            assert stopped.code == 2
            return stream.getvalue()
    raise AssertionError("no error")


def save_run(path):
    """Makes the folder of a finished run of two tasks, with random weights."""
    run = RunDirectory(path)
    run.claim({"tasks": ["digits", "fashion_mnist_small"], "validation_share": 0.1})
    tasks = {
        "digits": {"image_shape": (8, 8, 1), "num_classes": 10},
        "fashion_mnist_small": {"image_shape": (28, 28, 1), "num_classes": 10},
    }
    network = DeepElasticNetwork(tasks, backbone="vgg-8-4", ratios=(0.5, 1.0), trunk_size=4)
    save_atomically(network, run.model)


class BenchmarkTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.printed = run_main(json_out=str(cls.folder / "out.json"), **TINY)
        cls.written = read_json(cls.folder / "out.json")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

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

    def test_every_group_is_measured_at_its_batch_sizes(self):
        sizes = {}
        for row in self.written["rows"]:
            sizes.setdefault(row["name"], []).append(row["batch_size"])
        for name in ("dense", "plain_level_0", "masked", "elastic_level_0", "elastic_level_1"):
            self.assertEqual(sizes[name], [1, 3])
        for name in ("train_dense", "train_initial", "train_random", "train_selector"):
            self.assertEqual(sizes[name], [4])
        for name in ("input_cached", "input_pipeline"):
            self.assertEqual(sizes[name], [4])
        self.assertNotIn("plain_level_1", sizes)  # It is `dense`.

    def test_the_references_have_a_ratio_of_one(self):
        for row in self.written["rows"]:
            if row["name"] in ("dense", "train_dense", "input_cached"):
                self.assertEqual(row["ratio_to_dense"], 1.0)

    def test_the_settings_say_what_was_measured(self):
        settings = self.written["settings"]
        self.assertEqual(settings["backbone"], "wrn-8-1")
        self.assertEqual(settings["image_shape"], [8, 8, 3])
        self.assertEqual(settings["ratios"], [[0.0, 1.0]] * 3)
        self.assertEqual(settings["seed"], 5)
        self.assertIsNone(settings["model_dir"])
        self.assertEqual(settings["tensorflow_version"], tf.__version__)
        self.assertEqual(settings["flags"]["batch_sizes"], ["1", "3"])
        self.assertEqual(settings["rounds"]["inference, batch size 3"], 2)
        self.assertIn("PU", settings["device"])
        self.assertGreaterEqual(settings["cores"], 1)

    def test_tables_and_the_sentence_are_printed(self):
        for text in (
            "Prediction, batch size 1,",
            "Prediction, batch size 3,",
            "Training step, batch size 4,",
            "Input pipeline, 4 images",
        ):
            self.assertIn(text, self.printed)
        self.assertRegex(self.printed, "\n(Slower than dense at: .*|No elastic row was .*)[.]\n")

    def test_the_plot_is_beside_the_json(self):
        self.assertEqual(
            sorted(path.name for path in self.folder.iterdir() if path.is_file()),
            ["out.json", "out.png"],
        )
        pixels = tf.io.decode_png((self.folder / "out.png").read_bytes())
        self.assertGreater(np.std(pixels), 0)

    def test_a_trained_run_is_measured_on_its_test_images(self):
        save_run(self.folder / "run")
        values = {name: value for name, value in TINY.items() if name not in OF_A_RUN}
        values |= {"batch_sizes": ["3"], "measure": ["inference"], "task": "fashion_mnist_small"}
        out = self.folder / "run" / "out.json"
        run_main(model_dir=str(self.folder / "run"), json_out=str(out), **values)
        written = read_json(out)
        names = [row["name"] for row in written["rows"]]
        self.assertIn("elastic_selected", names)
        self.assertNotIn("train_dense", names)
        self.assertEqual(written["settings"]["backbone"], "vgg-8-4")
        self.assertEqual(written["settings"]["image_shape"], [28, 28, 1])
        self.assertEqual(written["settings"]["ratios"], [[0.5, 1.0]] * 3)

    @parameterized.parameters(
        ({"task": "digits"}, "`--task` must be left out without --model_dir"),
        ({"ratios": "0,0.5,0.25,1"}, "`ratios` must be increasing"),
        ({"tasks": ["birds"]}, "birds"),
        ({"json_out": "/nowhere/out.json"}, "`--json_out` must be a file in a folder that exists"),
        ({"plot_out": "/nowhere/out.png"}, "`--plot_out` must be a file in a folder that exists"),
        ({"plot_out": "a.png", "measure": ["input"]}, "`--measure` must hold inference"),
        ({"plot_out": "a", "json_out": "a"}, "`--plot_out` must be another file than --json_out"),
        ({"model_dir": "/nowhere"}, "`--tasks` must be left out with --model_dir"),
    )
    def test_bad_input_is_one_line(self, values, fault):
        line = run_failing(**TINY | values)
        self.assertStartsWith(line, "error: ")
        self.assertIn(fault, line)
        self.assertIn("Received", line)
        self.assertEqual(line.count("\n"), 1)

    @parameterized.parameters(
        (None, "`--model_dir` must be the output directory of a training run"),
        ("mnist", "`--task` must be one of"),
    )
    def test_a_bad_run_is_one_line(self, task, fault):
        model_dir = self.folder / "bad" if task is None else self.folder / "good"
        if task:
            save_run(model_dir)
        self.assertIn(fault, run_failing(model_dir=str(model_dir), task=task))

    @parameterized.parameters(
        ("batch_sizes", ["0"]),
        ("batch_sizes", ["x"]),
        ("batch_sizes", ["2", "2"]),
        ("measure", ["everything"]),
        ("measure", []),
        ("min_rounds", 0),
        ("seconds_per_group", -1.0),
        ("training_batch_size", 0),
        ("image_size", 0),
    )
    def test_flags_out_of_range_are_refused(self, name, value):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, name):
            with flagsaver.flagsaver(**{name: value}):
                pass


if __name__ == "__main__":
    tf.test.main()
