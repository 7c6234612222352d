import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl import flags
from elastic_tf_tools import calibrate
from elastic_tf_tools.calibration_file import read_calibrations

import pipelines
from elastic_tf.evaluation.budgets import calibrate as calibrate_logits
from tests.tools.commands import run_failing, run_main
from tests.tools.finished_run import save_run


def setUpModule():
    flags.FLAGS.mark_as_parsed()


def selector_logits(network, split):
    spec = pipelines.get_task("digits")
    batches = pipelines.eval_dataset(spec, split, 2000, validation_share=0.1)
    return np.concatenate([network.selector(images, task="digits") for images, _ in batches])


class CalibrateTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _check(self, run, network, logits):
        calibration = read_calibrations(run.calibration, ["digits"])["digits"]
        expected = calibrate_logits(logits, network.cost_table("digits"))
        self.assertAllClose(calibration.budgets, expected.budgets)
        # The frozen selector's logits differ in the last bits.
        self.assertAllClose(calibration.prices, expected.prices, rtol=0.02, atol=0.2)

    def test_few_validation_images_are_joined_by_those_of_training(self):
        run, network = save_run(self.folder / "run")
        printed = run_main(calibrate.main, model_dir=str(run.path))
        self.assertIn(f"Saved: {run.calibration}", printed)
        splits = [selector_logits(network, split) for split in ("validation", "train")]
        self.assertLen(splits[0], 120)
        self._check(run, network, np.concatenate(splits))

    def test_enough_validation_images_are_left_alone(self):
        run, network = save_run(self.folder / "run")
        with mock.patch.object(calibrate, "_ENOUGH_IMAGES", 120):
            run_main(calibrate.main, model_dir=str(run.path))
        self._check(run, network, selector_logits(network, "validation"))

    def test_an_old_calibration_is_replaced(self):
        run, _ = save_run(self.folder / "run")
        run.calibration.write_text("old")
        run_main(calibrate.main, model_dir=str(run.path))
        self.assertIn("digits", read_calibrations(run.calibration, ["digits"]))

    def test_a_run_without_validation_images_is_refused(self):
        run, _ = save_run(self.folder / "run", validation_share=0.0)
        line = run_failing(calibrate.main, model_dir=str(run.path))
        self.assertRegex(line, "^error: `--model_dir` must hold a run with validation images")

    def test_some_of_the_tasks_alone_are_refused(self):
        run, _ = save_run(self.folder / "run", tasks=("digits", "fashion_mnist_small"))
        run.calibration.write_text("old")
        line = run_failing(calibrate.main, model_dir=str(run.path), tasks=["digits"])
        self.assertRegex(line, "^error: `--tasks` must be left out, .* Received: digits\n$")
        self.assertEqual(run.calibration.read_text(), "old")

    def test_a_folder_without_a_run_is_refused(self):
        line = run_failing(calibrate.main, model_dir=str(self.folder))
        self.assertRegex(line, "^error: `--model_dir` must be the output directory")


if __name__ == "__main__":
    tf.test.main()
