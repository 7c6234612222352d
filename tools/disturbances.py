"""What disturbs a command, a process of its own, and what is told of it."""

import subprocess
import sys
import time

from elastic_tf_tools.processes import COMMAND

KILL, TERMINATE = "SIGKILL", "SIGTERM"


def told(command, by, times, promise, fault=""):
    """Returns what became of a command, a dict; `promise` where nothing is at fault."""
    outcome = fault or f"as promised: {promise}"
    return {"command": command, "by": by, "times": times, "outcome": outcome, "is_kept": not fault}


def start(arguments, **options):
    """Starts a command: a list of str, its name and its flags; returns its process."""
    return subprocess.Popen([*COMMAND, *arguments], **options)


def run(*arguments):
    """Runs a command to its end; returns the seconds that it took."""
    began = time.monotonic()
    process = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed, _ = process.communicate()
    if process.returncode:
        sys.exit(f"error: {' '.join(arguments)} ended with {process.returncode}:\n{printed}")
    return time.monotonic() - began


def interrupt(arguments, number, seconds):
    """Sends a signal to a command after so many seconds; returns its exit status."""
    process = start(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.wait()
