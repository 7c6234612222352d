import contextlib
import errno
import io
import pathlib
import signal
import subprocess
import sys

from elastic_tf_tools.interruption import one_line_ends

import pytest
import tensorflow as tf
from absl.testing import parameterized

TOOLS = pathlib.Path(__file__).parents[2] / "tools"


class OneLineEndsTest(tf.test.TestCase, parameterized.TestCase):
    def _end(self, work, **options):
        """Returns what the program would end with, and what has been printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            with self.assertRaises(SystemExit) as raised, one_line_ends(**options):
                work()
        return raised.exception.code, printed.getvalue()

    @parameterized.parameters(("SIGINT", 130), ("SIGTERM", 143))
    def test_a_signal_is_a_line_and_the_status_of_a_shell(self, name, status):
        number, closed = getattr(signal, name), []
        before = signal.getsignal(number)

        def work():
            try:
                signal.raise_signal(number)
            finally:
                closed.append(True)

        self.assertEqual(self._end(work), (status, f"\nStopped by {name}.\n"))
        self.assertEqual(closed, [True])
        self.assertIs(signal.getsignal(number), before)
        _, printed = self._end(work, resumes=True)
        self.assertEqual(printed, f"\nStopped by {name}. The same command line continues.\n")

    @parameterized.parameters("ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO")
    def test_a_disk_that_fails_is_a_line(self, name):
        def work():
            raise OSError(getattr(errno, name), "the reason", "run/model.keras")

        self.assertEqual(self._end(work)[0], "error: the reason: run/model.keras")

    def test_other_errors_and_ends_pass(self):
        for error in (ConnectionError("x"), ValueError("y"), SystemExit(3)):
            with self.assertRaises(type(error)) as raised, one_line_ends():
                raise error
            self.assertIs(raised.exception, error)

    @pytest.mark.slow
    def test_a_closed_pipe_ends_a_command_without_a_word(self):
        command = subprocess.Popen(
            [sys.executable, TOOLS / "train.py", "--help"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        command.stdout.close()
        errors = command.stderr.read().decode()
        self.assertEqual((command.wait(), errors), (141, ""))

    @pytest.mark.slow
    @parameterized.parameters((">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), (">&- --bad", 2))
    def test_a_closed_stream_is_no_fault(self, closed, status):
        program = f"'{sys.executable}' '{TOOLS / 'predict.py'}' --help {closed}"
        if "--bad" in closed:
            program = program.replace("--help ", "")
        ended = subprocess.run(program, shell=True, capture_output=True, text=True)
        self.assertEqual(ended.returncode, status, ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        self.assertEqual(bool(ended.stdout), closed == "2>&-")
