import contextlib
import io
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
from unittest import mock

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import ablate
from elastic_tf_tools.given_flags import OF_THE_COMMAND, training_flag_names
from elastic_tf_tools.studying.conduct import TRAIN
from elastic_tf_tools.studying.study_runs import find_runs

from elastic_tf.policies.initial_distributions import get_initial_distribution
from elastic_tf.training.settings import MethodSettings

# Seconds: few steps, of one block of each width.
TINY = (
    "--tasks=digits",
    "--batch_size=4",
    "--validation_share=0.05",
    "--backbone=wrn-8-1",
    "--trunk_size=4",
    "--initial_steps=1",
    "--rounds=1",
    "--selector_steps=1",
    "--search_evaluations=0",
)

# In place of tools/train.py; three levels wait until they are let go.
PROGRAM = """
import json, pathlib, sys, time
values = dict(argument.lstrip("-").split("=", 1) for argument in sys.argv[1:])
folder = pathlib.Path(values["output_dir"])
folder.mkdir(parents=True, exist_ok=True)
print("started", flush=True)
(folder / "started").touch()
while values["num_levels"] == "3" and not (folder.parents[1] / "go").exists():
    time.sleep(0.02)
policy = {"distinct_models": 1, "entropy": 0, "top_models": [{"levels": [0], "share": 1}]}
figures = {
    "accuracy": {"selector": 0.5, "full": 0.5},
    "macs_share": 0.5,
    "full_macs": 1000,
    "num_images": 10,
    "policy": policy | {"level_shares": [[1, 0]]},
}
(folder / "results.json").write_text(json.dumps({"birds": figures}))
"""


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class AblateTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.output_dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "out"

    def _run(self, *arguments):
        """Returns the exit status, and what was printed on stdout and stderr."""
        out, errors, status = io.StringIO(), io.StringIO(), 0
        with flagsaver.flagsaver():
            values = flags.FlagValues()
            for name in (*training_flag_names(), *OF_THE_COMMAND):
                values[name] = flags.FLAGS[name]
            ablate.define_flags(values)
            with (
                mock.patch.object(ablate, "FLAGS", values),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(errors),
            ):
                try:
                    ablate.main(values(["ablate", f"--output_dir={self.output_dir}", *arguments]))
                except SystemExit as stopped:
                    status = stopped.code
        return status, out.getvalue(), errors.getvalue()

    def test_levels_are_trained_drawn_and_judged_once(self):
        arguments = ("--study=levels", "--levels=3,2", "--seeds=0", *TINY)
        status, printed, errors = self._run(*arguments)
        self.assertEqual(status, 0, errors)
        self.assertRegex(
            printed, r"digits: not measured here \(4 .* missing\). Accuracy .* with 2, "
        )
        self.assertIn("neither deterministic nor uniform", printed)
        self.assertTrue((self.output_dir / "figure_2a_levels.png").exists())
        _, printed, _ = self._run(*arguments)
        self.assertIn("2 of 2 runs have finished before", printed)
        self.assertNotIn("starts", printed)

    def _interrupt(self, run, stopped):
        while not (run / "started").exists():
            time.sleep(0.02)
        # Python drops an interruption that comes while it is in a destructor: once more, then.
        while not stopped.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            stopped.wait(10)

    def test_a_study_that_was_stopped_repeats_no_finished_run(self):
        program = self.output_dir.parent / "program.py"
        program.write_text(PROGRAM)
        arguments = ("--study=levels", "--levels=2,3,4", "--seeds=0")
        stopped = threading.Event()
        with mock.patch.object(ablate, "TRAIN", (sys.executable, str(program))):
            run = self.output_dir / "levels3" / "seed0"
            threading.Thread(target=self._interrupt, args=[run, stopped]).start()
            status, printed, _ = self._run(*arguments)
            stopped.set()
            self.assertEqual(status, 130)
            self.assertIn("The same command line continues.", printed)
            self.assertFalse((self.output_dir / "levels4").exists())
            (self.output_dir / "go").touch()
            status, _, errors = self._run(*arguments)
        self.assertEqual(status, 0, errors)
        started = {
            path.parent.name: path.read_text().count("started")
            for path in self.output_dir.glob("*/seed0.log")
        }
        self.assertEqual(started, {"levels2": 1, "levels3": 2, "levels4": 1})

    def test_flags_that_are_given_reach_every_run(self):
        def train(runs, program, jobs):
            self.assertEqual((program, jobs), (TRAIN, 2))
            self.runs = runs
            return {}

        with mock.patch.object(ablate, "train_runs", train):
            self._run("--study=initial_distribution", "--seeds=4", "--jobs=2", "--rho=3")
        found = [run.flags for run in self.runs]
        expected = [
            ("--rho=3.0", "--distillation_weight=0", f"--initial_distribution={name}", "--seed=4")
            for name in ("proposed", "uniform", "random")
        ]
        self.assertEqual(found, expected)
        self.assertEmpty(find_runs([], self.output_dir))

    def test_a_preset_is_passed_on_as_what_it_sets_and_what_was_changed_after_it(self):
        found = []
        with mock.patch.object(ablate, "train_runs", lambda runs, *_: found.extend(runs) or {}):
            self._run(
                "--study=initial_distribution",
                "--seeds=0",
                "--target_macs=0.4",
                "--preset=paper",
                "--learning_rate_shape=cosine",
            )
        values = dict(flag.lstrip("-").split("=", 1) for flag in found[1].flags)
        self.assertEqual(values["selector_gradient"], "reinforce")
        self.assertEqual(values["learning_rate_shape"], "cosine")
        self.assertEqual(values["initial_distribution"], "uniform")
        self.assertNotIn("preset", values)
        self.assertNotIn("target_macs", values)

    def test_no_two_initial_distributions_train_the_same_models(self):
        found = []
        with mock.patch.object(ablate, "train_runs", lambda runs, *_: found.extend(runs) or {}):
            self._run("--study=initial_distribution", "--seeds=0")
        full = {run.variant: _share_of_full_models(run) for run in found}
        self.assertAllClose(full, {"proposed": 0.75, "uniform": 0.0, "random": 0.0}, atol=0.05)

    @parameterized.parameters((("--target_macs=0.4",), 1), (("--target_macs=none",), 0), ((), 0))
    def test_a_target_that_makes_all_sizes_the_same_is_warned_of(self, arguments, warnings):
        with mock.patch.object(ablate, "train_runs", lambda *_: {}):
            status, _, errors = self._run("--study=levels", *arguments)
        self.assertEqual((status, errors.count("warning: with --target_macs=0.4")), (0, warnings))

    @parameterized.parameters(
        (("--study=levels", "--num_levels=3"), "`--num_levels` must not be given"),
        (("--study=levels", "--ratios=0,1"), "`--ratios` must not be given"),
        (("--study=levels", "--levels=1,2"), "`--levels` must be integers >= 2"),
        (("--study=levels", "--levels=2,2"), "`--levels` must be integers >= 2"),
        (("--study=levels", "--seed=3"), "`--seeds` takes the place of `--seed`"),
        (("--study=levels", "--seeds=a"), "`--seeds` must be integers >= 0"),
        (("--study=initial_distribution", "--initial_distribution=uniform"), "must not be given"),
        (("--study=initial_distribution", "--distillation_weight=0.7"), "must be 0: with distill"),
        (("--study=initial_distribution", "--full_share=0"), "`--full_share` must be above 0"),
        (("--study=initial_distribution", "--levels=2,3"), "`--levels` must not be given"),
        ((), "`--study` must be levels or initial_distribution"),
    )
    def test_bad_flags_are_one_line(self, arguments, message):
        status, _, errors = self._run(*arguments)
        self.assertEqual(status, 2)
        self.assertIn(message, errors.splitlines()[-1])
        self.assertFalse(self.output_dir.exists())


def _share_of_full_models(run):
    """Returns the share of full models among what a run's initial stage would train."""
    given = dict(flag.lstrip("-").split("=", 1) for flag in run.flags)
    name = given["initial_distribution"]
    settings = MethodSettings(
        initial_distribution=name, distillation_weight=float(given["distillation_weight"])
    )
    drawn = get_initial_distribution(name, settings.drawn_full_share())(
        tf.zeros((400, 6, 4)), seed=(0, 1)
    )
    return np.mean(np.all(drawn == 3, axis=1))


if __name__ == "__main__":
    tf.test.main()
