"""Trainings that do not run from beginning to end at once."""

import pathlib
import shutil
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from elastic_tf_tools import train
from elastic_tf_tools.run_directory import read_json

from tests.tools.commands import run_main

# A run of seconds: both tasks, every stage, two epochs and a bit.
TINY = {
    "tasks": ["digits", "fashion_mnist_small"],
    "batch_size": "digits=4,fashion_mnist_small=2",
    "validation_share": 0.005,
    "backbone": "wrn-8-1",
    "trunk_size": 4,
    "num_levels": 2,
    "initial_steps": 2,
    "rounds": 2,
    "selector_steps": 1,
    "estimator_steps": 1,
    "steps_per_epoch": 2,
    "policy_health_every": 0,
    "search_evaluations": 0,
    "seed": 3,
}


def setUpModule():
    flags.FLAGS(["train", "--output_dir=unused"])


class Killed(Exception):
    pass


class ResumedTrainTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.whole = cls.folder / "whole"
        run_main(train.main, output_dir=str(cls.whole), final_test=False, **TINY)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def _check_same_end(self, output_dir):
        resumed = keras.saving.load_model(output_dir / "model.keras")
        whole = keras.saving.load_model(self.whole / "model.keras")
        for actual, expected in zip(resumed.get_weights(), whole.get_weights(), strict=True):
            self.assertAllClose(actual, expected, atol=1e-5)
        self.assertGreater(np.abs(whole.get_weights()[0]).max(), 0)
        self.assertAllClose(
            read_json(output_dir / "validation.json")["tasks"]["digits"]["selector"],
            read_json(self.whole / "validation.json")["tasks"]["digits"]["selector"],
        )

    def test_a_killed_run_goes_on_as_if_never_stopped(self):
        output_dir = self.folder / "killed"

        class Kill(train.StopAtStep):
            def on_train_batch_end(self, batch, logs=None):
                if int(self.model.step.numpy()) == 3:
                    raise Killed

        whole_callback, train.StopAtStep = train.StopAtStep, Kill
        try:
            with self.assertRaises(Killed):
                run_main(train.main, output_dir=str(output_dir), **TINY)
        finally:
            train.StopAtStep = whole_callback
        printed = run_main(train.main, output_dir=str(output_dir), final_test=False, **TINY)
        self.assertIn("Continuing at step 2", printed)
        self._check_same_end(output_dir)

    def test_a_part_of_a_training_goes_on_to_the_same_end(self):
        output_dir = self.folder / "parts"
        printed = run_main(train.main, output_dir=str(output_dir), until_step=1, **TINY)
        self.assertIn("Stopped at step 1", printed)
        part = read_json(output_dir / "validation.json")
        self.assertEqual((part["step"], part["is_whole_training"]), (1, False))
        self.assertFalse(part["is_selector_trained"])
        self.assertFalse((output_dir / "model.keras").exists())
        printed = run_main(train.main, output_dir=str(output_dir), final_test=False, **TINY)
        self.assertIn("Continuing at step 1", printed)
        self._check_same_end(output_dir)

    def test_a_run_that_is_trained_is_not_trained_again_for_the_test(self):
        output_dir = self.folder / "tested_later"
        shutil.copytree(self.whole, output_dir)
        self.assertFalse((output_dir / "results.json").exists())
        printed = run_main(train.main, output_dir=str(output_dir), final_test=False, **TINY)
        self.assertRegex(printed, "finished(.|\\n)*digits .* % at .* % MACs")
        before = read_json(output_dir / "validation.json")
        printed = run_main(train.main, output_dir=str(output_dir), **TINY)
        self.assertNotIn("steps/s", printed)
        self.assertTrue((output_dir / "results.json").exists())
        self.assertEqual(read_json(output_dir / "validation.json"), before)


if __name__ == "__main__":
    tf.test.main()
