import json
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.tuning.trial_run import TrialRun

from tests.tools.tuning.stub_training import make_figures


class TrialRunTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _run(self, until_step=None):
        return TrialRun("03", self.folder, ("--rho=2",), until_step)

    def test_a_whole_training_leaves_the_test_out(self):
        self.assertEqual(
            self._run().arguments, ["--rho=2", f"--output_dir={self.folder}/03", "--nofinal_test"]
        )

    def test_a_part_of_a_training_says_where_it_ends(self):
        self.assertEqual(self._run(30).arguments[-1], "--until_step=30")

    @parameterized.parameters(
        (None, 90, True), (None, 30, False), (30, 30, True), (30, 90, True), (60, 30, False)
    )
    def test_has_results_once_it_has_come_as_far(self, until_step, step, expected):
        run = self._run(until_step)
        self.assertFalse(run.has_results())
        run.output_dir.mkdir()
        (run.output_dir / "validation.json").write_text(json.dumps(make_figures(0.5, 0.5, step)))
        self.assertEqual(run.has_results(), expected)
        self.assertEqual(run.validation_figures()["step"], step)


if __name__ == "__main__":
    tf.test.main()
