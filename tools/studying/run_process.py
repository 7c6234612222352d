"""One run as a process: started with its output in a log, watched, stopped."""

import fcntl
import subprocess

# Lines of a log in which the reason of a failure is looked for.
_LAST_LINES = 20
_SECONDS_TO_STOP = 10
IN_USE = "it is being trained by another process"


class RunProcess:
    """A training that runs beside this program.

    What it prints is appended to its log. The log is locked while the process lives, so that no
    other study trains the same run meanwhile, even after this program has been killed.

    Args:
        run: a `StudyRun`.
        program: list of str, the command that takes the run's arguments.
    """

    def __init__(self, run, program):
        run.log.parent.mkdir(parents=True, exist_ok=True)
        self._run = run
        self._process = None
        with open(run.log, "ab") as log:
            self._log_start = log.tell()
            try:
                # The process inherits the lock with the file.
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._process = subprocess.Popen(
                [*program, *run.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def has_ended(self):
        return self._process is None or self._process.poll() is not None

    def error(self):
        """Returns why an ended run has failed, one line; `None` if it has not."""
        if self._process is None:
            return IN_USE
        status = self._process.returncode
        if status < 0:
            return f"stopped by signal {-status}"
        if status:
            return self._last_error() or f"exit status {status}"
        return None if self._run.has_results() else "it has ended without results"

    def stop(self):
        """Ends the process, if need be by force; it can go on from its checkpoint."""
        if self.has_ended():
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_error(self):
        with open(self._run.log, "rb") as log:
            log.seek(self._log_start)  # What came before is of earlier attempts.
            text = log.read().decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()][-_LAST_LINES:]
        # Behind the line that names the error there may be one that says how to get help.
        named = [line for line in lines if "error" in line.lower()]
        return (named or lines or [None])[-1]
