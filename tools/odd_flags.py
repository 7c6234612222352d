"""Commands with odd values for their flags: each does its work or refuses them in a line."""

import concurrent.futures
import functools
import importlib
import os
import signal
import subprocess

from elastic_tf_tools import disturbances, flags
from elastic_tf_tools.__main__ import COMMANDS

from elastic_tf.files import output_folder

_ODD = (
    *"0 1 -1 0.5 1e400 nan none true auto a=1 a=1,b=2 =1 [1] {} ' \" % $HOME \\ 1,0 0..1".split(),
    *"~ .. . /dev/null/x -- digits digits,digits digits:npz=b :folder= s3://a/b wrn-0-0".split(),
    *("lite0", "猫", "\udc80", "", " ", "\n", "x" * 9999),
)
_PATIENCE = 60  # Seconds for what an odd command line turns out to do.


def run_odd(folder, generator, count):
    """Returns what became of commands with odd values for their flags."""
    place = output_folder(folder / "odd")  # Where `..` and names without a folder lead.
    trained = folder / "in_peace"
    before = _contents(trained)
    lines = [_odd_line(generator, trained, number) for number in range(count)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        faults = [
            fault for fault in threads.map(functools.partial(_fault_of, cwd=place), lines) if fault
        ]
    for fault in faults:
        print(fault, flush=True)
    fault = f"{len(faults)} not refused in a line" if faults else ""
    if not before.items() <= _contents(trained).items():
        fault = "the first training was changed"
    return disturbances.told("all", "odd flags", count, "done or refused", fault)


def _odd_line(generator, trained, number):
    """Returns a command line with up to three odd values, a list of str."""
    command = str(generator.choice(COMMANDS))
    values = flags.command_flags(importlib.import_module(f"elastic_tf_tools.{command}"))
    names = generator.choice(sorted(values), generator.integers(1, 4))
    line = [command, *(f"--{name}={_ODD[generator.integers(len(_ODD))]}" for name in names)]
    needed = {"output_dir": number, "output": f"{number}.npz", "model_dir": trained}
    return line + [f"--{n}={v}" for n, v in needed.items() if n in values and n not in names]


def _fault_of(line, cwd):
    """Returns what is wrong with how a command line ended, a str, or `None`."""
    process = disturbances.start(line, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ends = {0}
    try:
        _, errors = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()
        _, errors = process.communicate()
        ends |= {128 + signal.SIGTERM, -signal.SIGTERM}  # At work; on its way in or out.
    is_refused = process.returncode == 2 and errors.count(b"\n") <= 3
    if is_refused or (process.returncode in ends and b"Traceback" not in errors):
        return None
    return f"{line} ended with {process.returncode}: {errors.decode(errors='replace')}"


def _contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
