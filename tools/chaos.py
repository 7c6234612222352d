r"""Kills, stops and damages commands at random moments, and says whether anything was lost.

    python tools/chaos.py --output_dir=runs/chaos --disturbances=10

A small training runs once in peace. Then it is disturbed, again and again until it ends: by
SIGKILL, by SIGTERM, and by a checkpoint that is cut off or overwritten after a SIGKILL; each time
the same command line goes on. It must end with the same weights and figures, bit for bit. A search,
an export and a data set in the making are killed too: what they leave must be whole or not there,
and the same command line must bring them to their end. Last, commands get odd values for their
flags: each must do its work or refuse it in a line, and leave the first training as it was. The
exit status is 1 if any of it fails. About half an hour on two CPU cores.
"""

import concurrent.futures
import functools
import importlib
import os
import signal
import subprocess
import sys
import time

from elastic_tf_tools import flags
from elastic_tf_tools.__main__ import COMMANDS
from elastic_tf_tools.run_folder import RunFolder

import numpy as np

from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.files import check_free, markdown_table, output_folder, read_json, write_json
from elastic_tf.training.checkpoints import checkpoint_files

KILL, TERMINATE, CUT, OVERWRITE = "SIGKILL", "SIGTERM", "checkpoint cut", "checkpoint overwritten"
_KINDS = KILL, TERMINATE, CUT, OVERWRITE
_SMALL = "--tasks=digits --batch_size=8 --backbone=wrn-8-1 --trunk_size=4 --num_levels=2".split()
_TRAINING = (
    *_SMALL,
    *"--initial_steps=600 --rounds=2 --selector_steps=100 --estimator_steps=100".split(),
    *"--steps_per_epoch=20 --search_evaluations=4 --policy_health_every=0".split(),
)
_SEARCH = (
    *_SMALL,
    *"--initial_steps=20 --rounds=1 --selector_steps=10 --steps_per_epoch=10".split(),
    *"--tuner=random --max_trials=2 --budget=0.5 --tune=learning_rate --seed=1".split(),
)
_ODD = (
    *"0 1 -1 0.5 1e400 nan none true auto a=1 a=1,b=2 =1 [1] {} ' \" % $HOME \\ 1,0 0..1".split(),
    *"~ .. . /dev/null/x -- digits digits,digits digits:npz=b :folder= s3://a/b wrn-0-0".split(),
    *("lite0", "猫", "\udc80", "", " ", "\n", "x" * 9999),
)
_PATIENCE = 60  # Seconds for what an odd command line turns out to do.


def define_flags(values):
    define = functools.partial(flags.define, values)
    define("output_dir", None, "New folder for all that is run, and chaos.json.", str, True)
    define("disturbances", 10, "Of the training; the others have a third as many each.", int, low=1)
    define("command_lines", 200, "With odd values, each a process.", int, low=0)
    define("seed", 0, "Of what happens when.", int, low=0)


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        check_free(values["output_dir"].value)
        folder = output_folder(values["output_dir"].value)
    generator = np.random.default_rng(values["seed"].value)
    count = values["disturbances"].value
    few = -(-count // 3)
    found = [
        *_disturb_training(folder, generator, count),
        _disturb_search(folder / "search", generator, few),
        _disturb_writing("export", folder, generator, few),
        _disturb_writing("mix_data", folder, generator, few),
        _run_odd(folder, generator, values["command_lines"].value),
    ]
    header = ("command", "disturbed by", "times", "outcome")
    rows = [tuple(map(str, list(each.values())[: len(header)])) for each in found]
    print(f"\n{markdown_table(header, rows)}")
    write_json(folder / "chaos.json", {"seed": values["seed"].value, "found": found})
    if not all(each["is_kept"] for each in found):
        sys.exit("error: not all is as promised")


def _told(command, by, times, promise, fault=""):
    """Returns what became of a command, a dict; `promise` where nothing is at fault."""
    outcome = fault or f"as promised: {promise}"
    return {"command": command, "by": by, "times": times, "outcome": outcome, "is_kept": not fault}


def _disturb_training(folder, generator, count):
    """Returns what became of trainings, a list of dicts: one for each way to disturb them."""
    reference = RunFolder(folder / "in_peace")
    seconds = _run("train", f"--output_dir={reference.path}", *_TRAINING)
    due = [_KINDS[turn % len(_KINDS)] for turn in range(count)]
    are_same, number = {}, 0
    while due:
        number += 1
        run = RunFolder(folder / f"disturbed_{number}")
        kinds, seconds = _disturb_run(run, due, seconds, generator)
        is_same = _are_same(reference, run)
        for kind in kinds:
            are_same.setdefault(kind, []).append(is_same)
    return [
        _told("train", kind, len(of), "identical", "" if all(of) else "ended differently")
        for kind, of in are_same.items()
    ]


def _disturb_run(run, due, seconds, generator):
    """Disturbs a training until it ends, or nothing is due, and has it end.

    Args:
        run: a `RunFolder`, not there yet.
        due: list of ways to disturb it, of which those are taken that were gone.
        seconds: float, how long a training takes.
        generator: a NumPy generator.

    Returns:
        The ways it was disturbed, a list, and how long one takes as far as is known now.
    """
    arguments, kinds = ("train", f"--output_dir={run.path}", *_TRAINING), []
    while due and not run.results.exists():
        by = signal.SIGTERM if due[0] == TERMINATE else signal.SIGKILL
        began = time.monotonic()
        status = _interrupt(arguments, by, generator.uniform(0.2, 0.8) * seconds)
        if status == 0:  # It was at its end before.
            seconds = seconds if kinds else time.monotonic() - began
            break
        if due[0] in (CUT, OVERWRITE) and not _damage(run.checkpoint, due[0], generator):
            continue  # There must be one to fall back to.
        kinds.append(due.pop(0))
        print(f"{run.path.name}: {kinds[-1]}, exit status {status}", flush=True)
    _run(*arguments)
    return kinds, seconds


def _disturb_search(path, generator, count):
    arguments = "tune", f"--output_dir={path}", *_SEARCH
    times = sum(
        _interrupt(arguments, signal.SIGKILL, generator.uniform(5, 60)) != 0 for _ in range(count)
    )
    _run(*arguments)
    lines = (path / "trials.csv").read_text().splitlines()
    is_whole = len(lines) == 3 and (path / "best.flags").exists()
    fault = "" if is_whole else f"{len(lines) - 1} trials in place of 2"
    return _told("tune", KILL, times, "it goes on", fault)


def _disturb_writing(command, folder, generator, count):
    """Returns what became of a command that writes one thing, whole or not at all."""
    if command == "export":
        options = (f"--model_dir={folder / 'in_peace'}", "--task=digits", "--budget=0.5")
        flag, output = "output_dir", folder / "exported"
    else:
        options = ("--tasks=digits,fashion_mnist_small", "--disturb=noise,blur")
        flag, output = "output", folder / "mixed.npz"
    arguments = command, *options, f"--{flag}={output}"
    reference = output.with_stem(f"{output.stem}_in_peace")
    seconds = _run(command, *options, f"--{flag}={reference}")
    times, halves = 0, 0
    while times < count:
        status = _interrupt(arguments, signal.SIGKILL, generator.uniform(0.3, 1) * seconds)
        times += status != 0
        if output.exists():  # It may have its name just before the signal.
            halves += not _is_whole(output, reference)
            output.rename(output.with_stem(f"{output.stem}_{times}"))
    _run(*arguments)
    halves += not _is_whole(output, reference)
    fault = f"{halves} times half there" if halves else ""
    return _told(command, KILL, times, "whole or not there", fault)


def _is_whole(output, reference):
    """Returns whether an export answers, or an npz file holds what another does, a bool."""
    try:
        if output.is_dir():
            images = np.zeros((1, 8, 8, 1), np.uint8)
            return LoadedExport(output).predict(images)["levels"].shape == (1, 3)
        with np.load(output) as arrays, np.load(reference) as expected:
            return all(np.array_equal(arrays[name], expected[name]) for name in expected)
    except (ValueError, OSError, KeyError):
        return False


def _run_odd(folder, generator, count):
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
    return _told("all", "odd flags", count, "done or refused", fault)


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
    process = _start(line, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()
        _, errors = process.communicate()
    is_refused = process.returncode == 2 and errors.count(b"\n") <= 3
    if is_refused or process.returncode in (0, 128 + signal.SIGTERM):
        return None
    return f"{line} ended with {process.returncode}: {errors.decode(errors='replace')}"


def _contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _start(arguments, **options):
    return subprocess.Popen([sys.executable, "-m", "elastic_tf_tools", *arguments], **options)


def _run(*arguments):
    """Runs a command to its end; returns the seconds that it took."""
    began = time.monotonic()
    process = _start(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed, _ = process.communicate()
    if process.returncode:
        sys.exit(f"error: {' '.join(arguments)} ended with {process.returncode}:\n{printed}")
    return time.monotonic() - began


def _interrupt(arguments, number, seconds):
    """Sends a signal to a command after so many seconds; returns its exit status."""
    process = _start(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.wait()


def _damage(path, kind, generator):
    """Damages the last of two checkpoints; returns whether there were two."""
    if len(checkpoint_files(path)) < 2:
        return False
    content = bytearray(path.read_bytes())
    place = int(generator.integers(len(content) - 64))
    if kind == CUT:
        content = content[:place]
    else:
        content[place : place + 64] = generator.bytes(64)
    path.write_bytes(content)
    return True


def _are_same(first, second):
    """Returns whether two runs have ended with the same weights and figures, a bool."""
    weights = [run.load_model().get_weights() for run in (first, second)]
    figures = [(read_json(run.validation), read_json(run.results)) for run in (first, second)]
    return figures[0] == figures[1] and all(map(np.array_equal, *weights))


if __name__ == "__main__":
    flags.run(__name__)
