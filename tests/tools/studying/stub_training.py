"""A program in place of tools/train.py: what a run does is up to the test.

It takes --output_dir and --seed like the other, and:

    --do=finish   writes results.json, or finds it; the figures are made of --accuracy
    --do=fail     prints an error on the last line but one
    --do=crash    ends by a signal
    --do=nothing  ends well, without results
    --do=wait     goes on until it is stopped; `started` in the output directory says it runs
    --do=meet     waits until --together runs are there at once, then finishes
"""

import json
import os
import pathlib
import signal
import sys
import time

PROGRAM = [sys.executable, __file__]


def main(arguments):
    values = dict(argument.lstrip("-").split("=", 1) for argument in arguments)
    output_dir = pathlib.Path(values["output_dir"])
    output_dir.mkdir(parents=True, exist_ok=True)
    print("started", flush=True)
    (output_dir / "started").touch()
    do = values.get("do", "finish")
    if do == "fail":
        print("FATAL Flags parsing error: no flag 'x'\nPass --helpshort to see help on flags.")
        sys.exit(1)
    if do == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "wait":
        time.sleep(60)
    if do == "meet":
        _meet(output_dir.parents[1], int(values["together"]))
    if do != "nothing":
        accuracy = float(values.get("accuracy", 0)) + int(values["seed"]) / 100
        (output_dir / "results.json").write_text(json.dumps({"birds": figures(accuracy)}))


def figures(accuracy):
    """Returns the figures of one task that a study looks at."""
    return {
        "accuracy": {"selector": accuracy, "full": 0.9},
        "macs_share": 0.5,
        "gain_over_shuffled": {"points": 1.5},
        "policy": {"distinct_models": 7, "top_models": [{"levels": [0, 1], "share": 0.625}]},
    }


def _meet(folder, together):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if len(list(folder.glob("*/*/started"))) >= together:
            time.sleep(0.5)  # Until every one of them has looked.
            return
        time.sleep(0.02)
    sys.exit("error: alone")


if __name__ == "__main__":
    main(sys.argv[1:])
