import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
from unittest import mock

import elastic_tf_tools
from elastic_tf_tools import flags, processes, study, tune
from elastic_tf_tools.interruption import one_line_ends
from elastic_tf_tools.processes import Training, run_all

import psutil
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import parameterized

from tests.tools.stub_training import in_place_of_train


def live_children():
    return [child for child in psutil.Process().children() if child.status() != "zombie"]


class RunAllTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.enter_context(in_place_of_train())
        self.events = []

    def _training(self, name, *flags):
        return Training(self.folder / "runs" / name, ("--seed=0", *flags))

    def _run_all(self, trainings, jobs=1):
        """Returns the reasons of all trainings that have ended, by name."""
        reasons = {}

        def started(training):
            self.events.append(f"{training.folder.name} started")

        def ended(training, minutes, reason):
            self.assertBetween(minutes, 0.001, 1)
            reasons[training.folder.name] = reason
            self.events.append(f"{training.folder.name} ended")

        run_all(trainings, ended, jobs, started)
        return reasons

    def _once_started(self, number, then):
        """Starts a thread that calls `then` when so many stubs are there, which wait."""
        (self.folder / "wait").touch()

        def watch():
            while len(list(self.folder.glob("runs/*/started"))) < number:
                time.sleep(0.02)
            then()

        thread = threading.Thread(target=watch)
        thread.start()
        self.addCleanup(thread.join)

    def test_all_are_trained_one_after_the_other(self):
        trainings = [self._training(name) for name in "ab"]
        self.assertEqual(self._run_all(trainings), {"a": None, "b": None})
        self.assertEqual(self.events, ["a started", "a ended", "b started", "b ended"])
        self.assertLen(list(self.folder.glob("runs/*/results.json")), 2)
        self.assertEqual(trainings[0].log, self.folder / "runs" / "a.log")
        self.assertEqual(trainings[0].log.read_text(), "started\n")

    @parameterized.parameters(study, tune)
    def test_gpus_are_left_to_the_trainings_before_anything_else(self, command):
        """Afterwards TensorFlow may have been used, and has taken their memory."""
        with mock.patch.object(tf.config, "set_visible_devices", side_effect=KeyError) as see:
            with self.assertRaises(KeyError):
                command.main(None)
        see.assert_called_once_with([], "GPU")

    def test_a_command_takes_the_memory_of_a_gpu_as_it_needs_it(self):
        config = tf.config
        with (
            mock.patch.object(config, "list_physical_devices", return_value=["a", "b"]) as find,
            mock.patch.object(config.experimental, "set_memory_growth") as grow,
        ):
            elastic_tf_tools.share_gpus()
        find.assert_called_once_with("GPU")
        self.assertEqual(grow.call_args_list, [mock.call("a", True), mock.call("b", True)])

    @parameterized.parameters(
        ("--learning_rate=0.6", "Training diverged at step 5. Received: birds_loss=nan"),
        ("--rounds=7", "stopped by signal 9: by the system, where memory has run out"),
    )
    def test_a_failure_is_told_and_the_others_go_on(self, flag, reason):
        found = self._run_all([self._training("a", flag), self._training("b")])
        self.assertEqual(found, {"a": reason, "b": None})

    @parameterized.parameters(
        ("print('of today'); sys.exit(3)", "of today"),
        ("print('an Error: x'); print('Pass --help'); sys.exit(1)", "an Error: x"),
        ("sys.exit(3)", "exit status 3"),
    )
    def test_the_reason_is_the_last_error_of_this_attempt(self, program, reason):
        training = self._training("a")
        training.log.parent.mkdir()
        training.log.write_text("error: of yesterday\n")
        stub = (sys.executable, "-c", f"import sys; {program}")
        with mock.patch.object(processes, "TRAIN", stub):
            self.assertEqual(self._run_all([training]), {"a": reason})

    def test_as_many_as_jobs_run_at_once_and_no_more(self):
        def look():
            time.sleep(0.5)
            self.running = len(live_children())
            (self.folder / "wait").unlink()

        self._once_started(2, look)
        found = self._run_all([self._training(name) for name in "abc"], jobs=2)
        self.assertEqual(self.running, 2)
        self.assertEqual(set(found.values()), {None})

    def test_an_interruption_stops_all_and_says_that_it_can_go_on(self):
        stopped = threading.Event()

        def interrupt():
            # Python drops an interruption that comes while it is in a destructor: once more, then.
            while not stopped.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                stopped.wait(10)

        self._once_started(2, interrupt)
        with self.assertRaises(SystemExit) as raised, one_line_ends(resumes=True):
            try:
                self._run_all([self._training(name) for name in "ab"], jobs=2)
            finally:
                stopped.set()
        self.assertEqual(raised.exception.code, 143)
        self.assertEmpty(live_children())
        (self.folder / "wait").unlink()
        self.assertEqual(self._run_all([self._training("a")]), {"a": None})

    def test_what_goes_on_elsewhere_is_not_started_twice(self):
        training = self._training("a")
        self._once_started(1, lambda: self.found.update(self._run_all([training])))
        self.found = {}
        threading.Timer(2, (self.folder / "wait").unlink).start()
        run_all([training], lambda *ended: self.assertIsNone(ended[-1]))
        self.assertEqual(self.found, {"a": processes.IN_USE})

    def test_what_does_not_listen_is_stopped_by_force(self):
        deaf = (
            "import signal, time, pathlib; signal.signal(15, signal.SIG_IGN); "
            f"pathlib.Path({str(self.folder)!r}, 'deaf').touch(); time.sleep(60)"
        )

        def interrupt_the_second(training):
            while training.folder.name == "b":
                time.sleep(0.02)
                if (self.folder / "deaf").exists():
                    raise KeyboardInterrupt

        with (
            mock.patch.object(processes, "TRAIN", (sys.executable, "-c", deaf)),
            mock.patch.object(processes, "_SECONDS_TO_STOP", 0.2),
            self.assertRaises(KeyboardInterrupt),
        ):
            trainings = [self._training(name) for name in "ab"]
            run_all(trainings, lambda *_: None, 2, interrupt_the_second)
        self.assertEmpty(live_children())


class FlagsTest(tf.test.TestCase):
    def test_given_flags_are_passed_on_with_what_stands_for_several(self):
        values = absl_flags.FlagValues()
        processes.define_training_flags(values)
        given = ["--output_dir=a", "--rho=4", "--steps_per_epoch=7", "--seed=3", "--nodownload"]
        flags.parse(values, ["study", *given])
        self.assertEqual(
            sorted(processes.given_training_flags(values)),
            ["--download=false", "--price=0.25", "--steps_per_epoch=7"],
        )

    def test_how_far_a_single_training_goes_is_not_for_many(self):
        values = absl_flags.FlagValues()
        processes.define_training_flags(values)
        with self.assertRaisesRegex(ValueError, "'until_step'"):
            flags.parse(values, ["study", "--output_dir=a", "--until_step=3"])
