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
    "mix_data",
)


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h"):
        print(f"elastic-tf COMMAND --help, of the commands {', '.join(COMMANDS)}")
        return
    if name not in COMMANDS:
        sys.stderr.write(
            f"error: the command must be one of {', '.join(COMMANDS)}. Received: {name}\n"
        )
        sys.exit(2)
    command = importlib.import_module(f"elastic_tf_tools.{name}")
    from elastic_tf_tools import flags  # After the command, whose packages may be missing.

    flags.run(command, sys.argv[1:])


if __name__ == "__main__":
    main()
