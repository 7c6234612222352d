"""Trainings as processes of their own: started, watched, stopped, and why one has failed."""

import collections
import contextlib
import dataclasses
import fcntl
import pathlib
import signal
import subprocess
import sys
import time

from elastic_tf_tools import flags, train

import tensorflow as tf
from absl import flags as absl_flags

COMMAND = (sys.executable, "-m", "elastic_tf_tools")
TRAIN = (*COMMAND, "train")
IN_USE = "it is being trained by another process"
# Lines of a log in which the reason of a failure is looked for.
_LAST_LINES = 20
_SECONDS_BETWEEN_LOOKS = 0.1
# For the step at hand and its checkpoint.
_SECONDS_TO_STOP = 60


def define_training_flags(values):
    """Defines those flags of train that may hold for all trainings of a command."""
    train.define_flags(values)
    for name in train.OPTIONS_OF_ONE:
        delattr(values, name)


def given_training_flags(values):
    """Returns the flags of train that a command was given, a list of str, `--name=value`.

    Args:
        values: parsed `FlagValues`, with `define_training_flags`. Output directory and seed are not
            passed on.
    """
    return flags.given(values, [*flags.setting_names(), *train.OPTIONS])


def parse_training_flags(arguments):
    """Returns the `FlagValues` of a command line of train; errors as of `flags.parse`."""
    values = absl_flags.FlagValues()
    train.define_flags(values)
    flags.parse(values, ["train", *arguments, "--output_dir=unused"])
    return values


@dataclasses.dataclass(frozen=True)
class Training:
    """A training in a folder; what it prints is appended to a log beside that.

    Attributes:
        folder: path of its output directory.
        flags: tuple of str, `--name=value`; all but the output directory.
    """

    folder: pathlib.Path
    flags: tuple

    @property
    def log(self):
        return self.folder.with_name(f"{self.folder.name}.log")


def leave_gpus():
    """Has a process that only watches take no memory of GPUs, which are the trainings'.

    To be called first of all: once TensorFlow has been used it is too late.
    """
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def run_all(trainings, ended, jobs=1, started=lambda training: None):
    """Runs trainings, some at a time; one that fails does not keep the others from it.

    However this function is left, no process of it goes on.

    Args:
        trainings: iterable of `Training`.
        ended: function of a `Training` that has ended, of the minutes that it took, and of the
            reason, a line, if it has failed; `None` if not.
        jobs: int >= 1. How many run at the same time. Defaults to 1.
        started: function of a `Training` that is to start. Defaults to nothing.
    """
    waiting, running = collections.deque(trainings), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                training = waiting.popleft()
                started(training)
                running[training] = _Process(training)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            for training in [each for each, process in running.items() if process.has_ended()]:
                process = running.pop(training)
                ended(training, (time.monotonic() - process.began) / 60, process.failure())
    finally:
        for process in running.values():
            process.stop()


class _Process:
    """A training that runs beside this program.

    Its log is locked while it lives, so that nobody else trains in the same folder meanwhile, even
    after this program has been killed.
    """

    def __init__(self, training):
        self.began = time.monotonic()
        self._log = training.log
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._process = None
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            try:
                # The process inherits the lock with the file.
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._process = subprocess.Popen(
                [*TRAIN, *training.flags, f"--output_dir={training.folder}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def has_ended(self):
        return self._process is None or self._process.poll() is not None

    def failure(self):
        """Returns why it has failed after its end, one line; `None` if it has not."""
        if self._process is None:
            return IN_USE
        status = self._process.returncode
        if status == -signal.SIGKILL:
            return f"stopped by signal {-status}: by the system, where memory has run out"
        if status < 0:
            return f"stopped by signal {-status}"
        return (self._last_error() or f"exit status {status}") if status else None

    def stop(self):
        """Ends it, if need be by force; it can go on from its checkpoint."""
        if self.has_ended():
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_error(self):
        with self._log.open("rb") as log:
            log.seek(self._log_start)  # What came before is of earlier attempts.
            text = log.read().decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()][-_LAST_LINES:]
        # Behind the line that names the error there may be others.
        named = [line for line in lines if "error" in line.lower()]
        return (named or lines or [""])[-1].removeprefix("error: ")
