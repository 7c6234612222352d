"""A folder of image files is trained on, tested and measured with nothing but flags."""

import contextlib
import io
import pathlib
import shutil
import tempfile

import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from elastic_tf_tools import benchmark, evaluate, train
from elastic_tf_tools.run_directory import read_json

from tests.pipelines.own_images import damage, write_class

TINY = [
    "--batch_size=mine=6",
    "--backbone=wrn-8-1",
    "--trunk_size=4",
    "--num_levels=2",
    "--initial_steps=1",
    "--rounds=1",
    "--selector_steps=1",
    "--estimator_steps=1",
    "--steps_per_epoch=2",
]


def _run(script, *arguments):
    """Runs a script's `main` with a command line; returns its stdout and stderr."""
    out, errors = io.StringIO(), io.StringIO()
    with flagsaver.flagsaver(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        # As in a new process: flags that were set before count as left out.
        flags.FLAGS.unparse_flags()
        try:
            # Required by train.py, and thus here for all.
            script.main(flags.FLAGS([script.__name__, "--output_dir=unused", *arguments]))
        except SystemExit as stopped:
            assert stopped.code == 2
    return out.getvalue(), errors.getvalue()


class OwnDataTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.images = cls.folder / "images"
        write_class(cls.images, "one", 30, "png")
        write_class(cls.images, "two", 20, "jpg")
        write_class(cls.images, "six", 10, "gif")
        damage(cls.images / "one" / "00.png")
        cls.run_dir = cls.folder / "run"
        cls.flags = [
            f"--tasks=mine:folder={cls.images},image_size=8,channels=1,flip=false",
            f"--output_dir={cls.run_dir}",
            *TINY,
        ]
        cls.refused = _run(train, *cls.flags)
        cls.wrote_when_refused = cls.run_dir.exists()
        cls.printed, _ = _run(train, *cls.flags, "--on_corrupt_image=skip")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def test_a_damaged_file_is_refused_before_anything_is_written(self):
        self.assertRegex(self.refused[1], "^error: `folder` must .*1 damaged: .*one/00.png .*\n$")
        self.assertFalse(self.wrote_when_refused)

    def test_the_own_task_is_trained_and_tested(self):
        results = read_json(self.run_dir / "results.json")
        self.assertEqual(list(results), ["mine"])
        # A fifth of 30, 20 and 10 images; the damaged one may be among them.
        self.assertBetween(results["mine"]["num_images"], 11, 12)
        self.assertIn(f"mine: 3 classes of {self.images}", self.printed)
        self.assertIn("6 per step", self.printed)

    def test_the_same_flags_find_the_run_again_and_others_do_not(self):
        printed, _ = _run(train, *self.flags, "--on_corrupt_image=skip")
        self.assertIn("holds this run, finished", printed)
        _, errors = _run(train, *self.flags)
        self.assertRegex(errors, "whose run differs in on_corrupt_image\n$")

    def test_evaluate_reads_the_tasks_of_the_run(self):
        out = self.folder / "again.json"
        _run(evaluate, f"--model_dir={self.run_dir}", f"--json_out={out}")
        again, results = read_json(out), read_json(self.run_dir / "results.json")
        self.assertEqual(again["mine"]["num_images"], results["mine"]["num_images"])
        self.assertAllClose(again["mine"]["accuracy"]["full"], results["mine"]["accuracy"]["full"])

    def test_moved_images_are_named_and_found_again_by_a_flag(self):
        moved = self.folder / "moved"
        self.images.rename(moved)
        try:
            _, errors = _run(evaluate, f"--model_dir={self.run_dir}")
            self.assertRegex(errors, "^error: `--tasks` must be valid for 'mine': `folder` must ")
            tasks = f"--tasks=mine:folder={moved},image_size=8,channels=1"
            printed, errors = _run(evaluate, f"--model_dir={self.run_dir}", tasks)
            self.assertIn("mine: ", printed)
            self.assertNotIn("error", errors)
        finally:
            moved.rename(self.images)

    def test_other_classes_than_in_training_are_refused(self):
        write_class(self.images, "zero", 3)
        try:
            _, errors = _run(evaluate, f"--model_dir={self.run_dir}")
        finally:
            shutil.rmtree(self.images / "zero")
        self.assertRegex(errors, "^error: `--tasks` must give for 'mine' images .* in 3 classes")

    def test_benchmark_measures_the_run_on_its_own_images(self):
        out = self.folder / "benchmark.json"
        _, errors = _run(
            benchmark,
            f"--model_dir={self.run_dir}",
            "--task=mine",
            "--measure=input",
            "--batch_size=4",
            "--training_batch_size=4",
            "--batch_sizes=1",
            "--seconds_per_group=0",
            "--min_rounds=1",
            f"--json_out={out}",
        )
        self.assertNotIn("error", errors)
        self.assertEqual(read_json(out)["settings"]["task"], "mine")


if __name__ == "__main__":
    tf.test.main()
