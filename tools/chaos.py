r"""Kills, stops and damages commands at random moments, and says whether anything was lost.

    python tools/chaos.py --output_dir=runs/chaos --disturbances=10

A small training runs once in peace. Then it is disturbed, again and again until it ends: by
SIGKILL, by SIGTERM, and by a checkpoint that is cut off or overwritten after a SIGKILL; each time
the same command line goes on. It must end with the same weights and figures, bit for bit. A search,
an export, a mixed set and a data set in preparation are killed too: what they leave must be whole
or not there, and the same command line must bring them to their end. Last, commands get odd values
for their flags: each must do its work or refuse it in a line, and leave the first training as it
was. The exit status is 1 if any of it fails. About half an hour on two CPU cores.
"""

import functools
import signal
import sys
import time

from elastic_tf_tools import disturbances, flags
from elastic_tf_tools.disturbances import KILL, TERMINATE
from elastic_tf_tools.disturbed_writing import disturb_writing, writings
from elastic_tf_tools.odd_flags import run_odd
from elastic_tf_tools.run_folder import RunFolder

import numpy as np

from elastic_tf.files import check_free, markdown_table, output_folder, read_json, write_json
from elastic_tf.training.checkpoints import checkpoint_files

CUT, OVERWRITE = "checkpoint cut", "checkpoint overwritten"
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
        *(disturb_writing(each, generator, few) for each in writings(folder)),
        run_odd(folder, generator, values["command_lines"].value),
    ]
    header = ("command", "disturbed by", "times", "outcome")
    rows = [tuple(map(str, list(each.values())[: len(header)])) for each in found]
    print(f"\n{markdown_table(header, rows)}")
    write_json(folder / "chaos.json", {"seed": values["seed"].value, "found": found})
    if not all(each["is_kept"] for each in found):
        sys.exit("error: not all is as promised")


def _disturb_training(folder, generator, count):
    """Returns what became of trainings, a list of dicts: one for each way to disturb them."""
    reference = RunFolder(folder / "in_peace")
    seconds = disturbances.run("train", f"--output_dir={reference.path}", *_TRAINING)
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
        disturbances.told(
            "train", kind, len(of), "identical", "" if all(of) else "ended differently"
        )
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
        status = disturbances.interrupt(arguments, by, generator.uniform(0.2, 0.8) * seconds)
        if status == 0:  # It was at its end before.
            seconds = seconds if kinds else time.monotonic() - began
            break
        if due[0] in (CUT, OVERWRITE) and not _damage(run.checkpoint, due[0], generator):
            continue  # There must be one to fall back to.
        kinds.append(due.pop(0))
        print(f"{run.path.name}: {kinds[-1]}, exit status {status}", flush=True)
    disturbances.run(*arguments)
    return kinds, seconds


def _disturb_search(path, generator, count):
    arguments = "tune", f"--output_dir={path}", *_SEARCH
    times = sum(
        disturbances.interrupt(arguments, signal.SIGKILL, generator.uniform(5, 60)) != 0
        for _ in range(count)
    )
    disturbances.run(*arguments)
    lines = (path / "trials.csv").read_text().splitlines()
    is_whole = len(lines) == 3 and (path / "best.flags").exists()
    fault = "" if is_whole else f"{len(lines) - 1} trials in place of 2"
    return disturbances.told("tune", KILL, times, "it goes on", fault)


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
