"""The console command: `elastic-tf train ...` is `python tools/train.py ...`."""

import importlib
import sys

COMMANDS = (
    "train",
    "evaluate",
    "analyze",
    "study",
    "tune",
    "export",
    "predict",
    "benchmark",
    "prepare_data",
)


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        received = " ".join(sys.argv[1:2]) or "none"
        sys.exit(f"error: the command must be one of {', '.join(COMMANDS)}. Received: {received}")
    command = importlib.import_module(f"elastic_tf_tools.{sys.argv[1]}")
    from elastic_tf_tools import flags  # After the command, whose packages may be missing.

    flags.run(command, sys.argv[1:])


if __name__ == "__main__":
    main()
