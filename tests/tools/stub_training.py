"""A program in place of train, for the processes of studies and searches: nothing is trained.

It writes a results.json, or with --nofinal_test a validation.json, whose accuracy follows from the
flags (see `accuracy`), a run.json with the number of levels, and a line of `steps.txt` that says
from which step to which it went, so that a test sees what was trained twice. Besides:

    --learning_rate above 0.5  diverges, as train says it
    --rounds=7                 is killed by signal 9
    a file `wait` two folders above the run's: waits until it is gone; `started` in the run's folder
                               says that it has begun
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import time
from unittest import mock

TOTAL_STEPS = 90


@contextlib.contextmanager
def in_place_of_train():
    """Has this program run for all trainings that are started within the block."""
    from elastic_tf_tools import processes

    with mock.patch.object(processes, "TRAIN", (sys.executable, __file__)):
        yield


def accuracy(num_levels, learning_rate, step=TOTAL_STEPS):
    """Returns the accuracy of a training: best with three levels, a small rate, many steps."""
    return 0.9 - 0.1 * abs(num_levels - 3) - learning_rate / 10 - (TOTAL_STEPS - step) / 1000


def main(arguments):
    values = dict(argument.lstrip("-").split("=", 1) for argument in arguments if "=" in argument)
    folder = pathlib.Path(values["output_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "started").touch()
    print("started", flush=True)
    while (folder.parents[1] / "wait").exists():
        time.sleep(0.02)
    rate = float(values.get("learning_rate", 0.1))
    if rate > 0.5:
        sys.exit("error: Training diverged at step 5. Received: birds_loss=nan")
    if values.get("rounds") == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    levels = int(values.get("num_levels", 4))
    if values.get("ratios", "none") != "none":
        levels = len(values["ratios"].split(","))
    write(folder / "run.json", {"version": "9.0", "num_levels": levels})
    if "--nofinal_test" in arguments:
        validate(folder, levels, rate, min(int(values.get("until_step", 999)), TOTAL_STEPS))
    else:
        figures = test_figures(accuracy(levels, rate) + int(values["seed"]) / 100)
        write(folder / "results.json", {"birds": figures})


def validate(folder, levels, rate, step):
    path = folder / "validation.json"
    begin = json.loads(path.read_text())["step"] if path.exists() else 0
    with open(folder / "steps.txt", "a") as file:
        file.write(f"{begin}-{step}\n")
    write(path, validation_figures(accuracy(levels, rate, step), step))


def write(path, value):
    path.write_text(json.dumps(value))


def test_figures(right):
    """Returns the figures of one task of a results.json."""
    return {
        "num_images": 100,
        "accuracy": {"selector": right, "full": 0.9}
        | dict.fromkeys(("level_0", "random", "random_at_cost", "shuffled"), 0.5),
        "macs_share": 0.5,
        "fixed_macs_share": {"level_0": 0.25},
        "random_macs_share": 0.5,
        "full_macs": 1000,
        "selector_macs": 10,
        "density": 0.5,
        "gain_over_shuffled": {"points": 1.5, "low": 1.0, "high": 2.0},
        "policy": {
            "distinct_models": 7,
            "entropy": 1.0,
            "top_share": 1.0,
            "macs": {"p50": 0.5, "p95": 0.75},
            "top_models": [{"levels": [0, 1], "share": 0.625}],
        },
    }


def validation_figures(right, step=TOTAL_STEPS):
    """Returns a validation.json of one task whose selector has that accuracy."""
    return {
        "step": step,
        "is_whole_training": step == TOTAL_STEPS,
        "is_selector_trained": step >= TOTAL_STEPS // 2,
        "tasks": {
            "birds": {
                "num_images": 100,
                "selector": {"accuracy": right, "macs_share": 0.375},
                "levels": [
                    {"accuracy": 0.25, "macs_share": 0.0625},
                    {"accuracy": right, "macs_share": 1.0},
                ],
                "budgets": [],
            }
        },
    }


if __name__ == "__main__":
    main(sys.argv[1:])
