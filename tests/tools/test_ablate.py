import pathlib
import subprocess
import sys
import tempfile

import tensorflow as tf
from absl.testing import parameterized

ROOT = pathlib.Path(__file__).parents[2]
# Seconds: few steps, of one block of each width.
TINY = (
    "--tasks=digits",
    "--batch_size=4",
    "--validation_share=0.05",
    "--backbone=wrn-8-1",
    "--trunk_size=4",
    "--initial_steps=2",
    "--rounds=1",
    "--selector_steps=1",
    "--steps_per_epoch=2",
    "--search_evaluations=0",
)
# As `python tools/ablate.py`, with trainings that the test sees in its own process.
PROGRAM = """
import sys
from absl import app
from tools import ablate
from tests.tools.studying import stub_training
if {stub}:
    ablate.TRAIN = stub_training.PROGRAM
ablate.define_flags(ablate.FLAGS)
app.run(ablate.main, argv=["ablate", *sys.argv[1:]])
"""


class AblateTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.output_dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "out"

    def _run(self, *arguments, stub=False):
        """Returns the exit status, and what was printed on stdout and stderr."""
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                PROGRAM.format(stub=stub),
                f"--output_dir={self.output_dir}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        return done.returncode, done.stdout, done.stderr

    def test_levels_are_trained_drawn_and_judged(self):
        arguments = ("--study=levels", "--levels=2,3", "--seeds=0", *TINY)
        status, printed, errors = self._run(*arguments)
        self.assertEqual(status, 0, errors)
        self.assertRegex(printed, r"digits: (holds|does not hold) here. Accuracy .* with 2, ")
        self.assertIn("neither deterministic nor uniform", printed)
        self.assertTrue((self.output_dir / "figure_2a_levels.png").exists())
        _, printed, _ = self._run(*arguments)
        self.assertIn("2 of 2 runs have finished before", printed)
        self.assertNotIn("starts", printed)

    def test_distributions_are_trained_drawn_and_judged(self):
        status, printed, errors = self._run("--study=initial_distribution", "--seeds=0", *TINY)
        self.assertEqual(status, 0, errors)
        self.assertRegex(printed, r"After the initial stage: uniform .* random .* points lower")
        self.assertTrue((self.output_dir / "figure_2b_initial_distributions.png").exists())

    @parameterized.parameters(
        (("--study=levels", "--num_levels=3"), "`--num_levels` must not be given"),
        (("--study=levels", "--ratios=0,1"), "`--ratios` must not be given"),
        (("--study=levels", "--levels=1,2"), "`--levels` must be integers >= 2"),
        (("--study=levels", "--levels=2,2"), "`--levels` must be integers >= 2"),
        (("--study=levels", "--seed=3"), "`--seeds` takes the place of `--seed`"),
        (("--study=levels", "--seeds=a"), "`--seeds` must be integers >= 0"),
        (("--study=initial_distribution", "--initial_distribution=uniform"), "must not be given"),
        ((), "`--study` must be levels or initial_distribution"),
    )
    def test_bad_flags_are_one_line(self, arguments, message):
        status, _, errors = self._run(*arguments, stub=True)
        self.assertEqual(status, 2)
        self.assertIn(message, errors.splitlines()[-1])
        self.assertFalse(self.output_dir.exists())


if __name__ == "__main__":
    tf.test.main()
