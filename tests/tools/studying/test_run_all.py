import io
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
from unittest import mock

import psutil
import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.studying.run_all import run_all
from elastic_tf_tools.studying.run_process import RunProcess
from elastic_tf_tools.studying.study_file import Variant
from elastic_tf_tools.studying.study_progress import StudyProgress
from elastic_tf_tools.studying.study_runs import make_runs

from tests.tools.studying.stub_training import PROGRAM


def live_children():
    return [child for child in psutil.Process().children() if child.status() != "zombie"]


class RunAllTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.printed = io.StringIO()

    def _runs(self, seeds=(0,), **flags_by_variant):
        variants = [Variant(name, "", tuple(flags)) for name, flags in flags_by_variant.items()]
        return make_runs(variants, list(seeds), self.folder)

    def _run_all(self, runs, jobs=1):
        return run_all(runs, PROGRAM, jobs, StudyProgress(len(runs), self.printed))

    def _interrupt_once_started(self, runs, stopped):
        while not all((run.output_dir / "started").exists() for run in runs):
            time.sleep(0.02)
        # Python drops an interruption that comes while it is in a destructor: once more, then.
        while not stopped.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            stopped.wait(10)

    def test_all_runs_are_trained(self):
        runs = self._runs(seeds=(0, 1), a=["--accuracy=0.5"], b=[])
        self.assertEqual(self._run_all(runs), {})
        self.assertTrue(all(run.is_finished() for run in runs))
        self.assertNear(runs[2].results()["birds"]["accuracy"]["selector"], 0.51, 1e-9)

    def test_a_finished_run_is_not_repeated(self):
        runs = self._runs(a=[])
        self._run_all(runs)
        self._run_all(runs)
        self.assertEqual(runs[0].log.read_text().count("started"), 1)
        self.assertIn("1 of 1 runs have finished before", self.printed.getvalue())

    def test_a_run_whose_flags_changed_is_left_to_its_own_check(self):
        self._run_all(self._runs(a=[]))
        self._run_all(self._runs(a=["--accuracy=0.5"]))
        self.assertEqual((self.folder / "a" / "seed0.log").read_text().count("started"), 2)

    @parameterized.parameters(
        ("fail", "FATAL Flags parsing error: no flag 'x'"),
        ("crash", "stopped by signal 9"),
        ("nothing", "it has ended without results"),
    )
    def test_a_failure_is_told_and_the_others_go_on(self, do, reason):
        runs = self._runs(a=[f"--do={do}"], b=[])
        self.assertEqual(self._run_all(runs), {runs[0]: reason})
        self.assertFalse(runs[0].is_finished())
        self.assertTrue(runs[1].is_finished())
        self.assertIn(reason, self.printed.getvalue())

    def test_an_earlier_attempts_error_is_not_told_again(self):
        (run,) = self._runs(a=["--do=crash"])
        run.log.parent.mkdir()
        run.log.write_text("error: of yesterday\n")
        stub = [sys.executable, "-c", "import sys; print('of today'); sys.exit(3)"]
        failures = run_all([run], stub, 1, StudyProgress(1, self.printed))
        self.assertEqual(failures, {run: "of today"})
        self.assertEqual(run.log.read_text(), "error: of yesterday\nof today\n")

    def test_as_many_as_jobs_run_at_once(self):
        meet = ["--do=meet", "--together=2"]
        self.assertEqual(self._run_all(self._runs(a=meet, b=meet), jobs=2), {})

    def test_no_more_than_jobs_run_at_once(self):
        most = 0
        done = threading.Event()

        def watch():
            nonlocal most
            while not done.is_set():
                most = max(most, len(live_children()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        self._run_all(self._runs(seeds=range(3), a=[], b=[]), jobs=2)
        done.set()
        watcher.join()
        self.assertBetween(most, 1, 2)

    def test_an_interruption_stops_the_runs_and_they_can_go_on(self):
        runs = self._runs(a=["--do=wait"], b=["--do=wait"])
        stopped = threading.Event()
        threading.Thread(target=self._interrupt_once_started, args=[runs, stopped]).start()
        with self.assertRaises(KeyboardInterrupt):
            self._run_all(runs, jobs=2)
        stopped.set()
        self.assertEmpty(live_children())
        self.assertFalse(runs[0].is_finished())
        self.assertEqual(self._run_all(self._runs(a=[], b=[]), jobs=2), {})

    def test_a_run_that_goes_on_elsewhere_is_not_started_twice(self):
        runs = self._runs(a=["--do=wait"], b=[])
        other = RunProcess(runs[0], PROGRAM)
        failures = self._run_all(runs)
        other.stop()
        self.assertEqual(failures, {runs[0]: "it is being trained by another process"})

    def test_a_run_that_does_not_listen_is_stopped_by_force(self):
        (run,) = self._runs(a=[])
        deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)"
        process = RunProcess(run, [sys.executable, "-c", f"{deaf}; time.sleep(60)"])
        while "deaf" not in run.log.read_text():
            time.sleep(0.02)
        with mock.patch("tools.studying.run_process._SECONDS_TO_STOP", 0.2):
            process.stop()
        self.assertEqual(process.error(), "stopped by signal 9")

    def test_progress_says_which_how_many_and_how_long(self):
        times = iter([0, 0, 90, 90, 180])
        runs = self._runs(seeds=range(3), a=[])
        progress = StudyProgress(3, self.printed, clock=lambda: next(times))
        progress.begin(1)
        progress.started(runs[1])
        progress.ended(runs[1], None)
        progress.started(runs[2])
        self.assertEqual(
            self.printed.getvalue().splitlines(),
            [
                "1 of 3 runs have finished before.",
                f"[2/3] a, seed 1 starts; log: {self.folder}/a/seed1.log",
                "[2/3] a, seed 1 took 1.5 min; 1 left, about 2 min",
                f"[3/3] a, seed 2 starts; log: {self.folder}/a/seed2.log",
            ],
        )


if __name__ == "__main__":
    tf.test.main()
