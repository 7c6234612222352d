"""A program in place of tools/train.py for the trials of a search: nothing is trained.

It writes a validation.json whose accuracy follows from the flags (see `accuracy`), and the steps
that it came from and to as a line of `steps.txt`, so that a test sees what was trained twice. Of
its --learning_rate and --rounds:

    --learning_rate above 0.5  diverges, as the real one says it
    --rounds=7                 is killed by signal 9
    a file `wait` in the search's folder: waits until it is gone; `started` in the run's says so
"""

import json
import os
import pathlib
import signal
import sys
import time

PROGRAM = [sys.executable, __file__]
TOTAL_STEPS = 90


def accuracy(num_levels, learning_rate, step):
    """Returns the accuracy of a training: best with three levels, a small rate, many steps."""
    return 0.9 - 0.1 * abs(num_levels - 3) - learning_rate / 10 - (TOTAL_STEPS - step) / 1000


def main(arguments):
    values = dict(argument.lstrip("-").split("=", 1) for argument in arguments if "=" in argument)
    output_dir = pathlib.Path(values["output_dir"])
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / "started").touch()
    while (output_dir.parents[1] / "wait").exists():
        time.sleep(0.02)
    if float(values.get("learning_rate", 0.1)) > 0.5:
        sys.exit("error: Training diverged at step 5. Received: birds_loss=nan")
    if values.get("rounds") == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    validation = output_dir / "validation.json"
    begin = json.loads(validation.read_text())["step"] if validation.exists() else 0
    step = min(int(values.get("until_step", TOTAL_STEPS)), TOTAL_STEPS)
    with open(output_dir / "steps.txt", "a") as file:
        file.write(f"{begin}-{step}\n")
    levels = len(values["ratios"].split(",")) if "ratios" in values else values.get("num_levels", 4)
    figures = make_figures(
        accuracy(int(levels), float(values.get("learning_rate", 0.1)), step), 0.375, step
    )
    validation.write_text(json.dumps(figures))


def make_figures(right, macs_share, step=TOTAL_STEPS):
    """Returns a validation.json of one task whose selector has that accuracy and cost."""
    return {
        "step": step,
        "is_whole_training": step == TOTAL_STEPS,
        "is_selector_trained": step >= TOTAL_STEPS // 2,
        "tasks": {
            "birds": {
                "num_images": 100,
                "selector": {"accuracy": right, "macs_share": macs_share},
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
