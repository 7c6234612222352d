"""A folder of image files is trained on, tested and found again with nothing but flags."""

import pathlib
import shutil
import tempfile

from elastic_tf_tools import evaluate, train

import pytest
import tensorflow as tf

from elastic_tf.files import read_json
from tests.pipelines.own_images import damage, write_class
from tests.tools.commands import run_command, run_failing

TINY = (
    "--batch_size=mine=6",
    "--backbone=wrn-8-1",
    "--trunk_size=4",
    "--num_levels=2",
    "--initial_steps=1",
    "--rounds=1",
    "--selector_steps=1",
    "--estimator_steps=1",
    "--steps_per_epoch=2",
    "--search_evaluations=0",
)


@pytest.mark.slow
class OwnDataTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
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
        cls.refused = run_failing(train, *cls.flags)
        cls.wrote_when_refused = cls.run_dir.exists()
        cls.printed = run_command(train, *cls.flags, "--on_corrupt_image=skip")

    def test_a_damaged_file_is_refused_before_anything_is_written(self):
        self.assertRegex(self.refused, "^error: `folder` must .*1 damaged: .*one/00.png ")
        self.assertFalse(self.wrote_when_refused)

    def test_the_own_task_is_trained_and_tested(self):
        results = read_json(self.run_dir / "results.json")
        self.assertEqual(list(results), ["mine"])
        # A fifth of 30, 20 and 10 images; the damaged one may be among them.
        self.assertBetween(results["mine"]["num_images"], 11, 12)
        self.assertIn(f"mine: 3 classes of {self.images}", self.printed)

    def test_the_same_flags_find_the_run_again_and_others_do_not(self):
        printed = run_command(train, *self.flags, "--on_corrupt_image=skip")
        self.assertIn("holds this run, finished", printed)
        self.assertRegex(run_failing(train, *self.flags), "differs in on_corrupt_image$")

    def test_images_read_as_needed_give_the_same_run_also_in_two_parts(self):
        run_dir, new = self.folder / "as_needed", self.images / "one" / "new.png"
        command = [f for f in self.flags if "output_dir" not in f]
        command += ["--on_corrupt_image=skip", "--decode=as_needed", f"--output_dir={run_dir}"]
        run_command(train, *command, "--until_step=1")
        self.assertLen(list((run_dir / "indexes").iterdir()), 1)
        shutil.copy(self.images / "one" / "01.png", new)
        try:
            line = run_failing(train, *command)
        finally:
            new.unlink()
        self.assertRegex(line, "^error: `tasks` must be valid for 'mine': .*1 are new and 0 miss")
        run_command(train, *command)
        self.assertEqual(*(read_json(run / "results.json") for run in (run_dir, self.run_dir)))

    def test_moved_images_are_named_and_found_again_by_a_flag(self):
        moved = self.folder / "moved"
        self.images.rename(moved)
        try:
            line = run_failing(evaluate, f"--model_dir={self.run_dir}")
            self.assertRegex(line, "^error: `tasks` must be valid for 'mine': `folder` must ")
            tasks = f"--tasks=mine:folder={moved},image_size=8,channels=1"
            self.assertIn("mine", run_command(evaluate, f"--model_dir={self.run_dir}", tasks))
        finally:
            moved.rename(self.images)

    def test_other_classes_than_in_training_are_refused(self):
        write_class(self.images, "zero", 3)
        try:
            line = run_failing(evaluate, f"--model_dir={self.run_dir}")
        finally:
            shutil.rmtree(self.images / "zero")
        self.assertRegex(line, "^error: `tasks` must give for 'mine' images .* in 3 classes")
