"""How tests call tools/tune.py: with a program in place of the training."""

import contextlib
import io
import sys
from unittest import mock

from absl import app, flags
from absl.testing import flagsaver
from elastic_tf_tools import tune
from elastic_tf_tools.given_flags import OF_THE_COMMAND, training_flag_names

from tests.tools.tuning.stub_training import PROGRAM

# One number for each setting that the program looks at.
SETTINGS = (
    "--tasks=digits",
    "--batch_size=4",
    "--initial_steps=50",
    "--rounds=1",
    "--selector_steps=40",
    "--macs_limit=0.5",
    "--tune=levels,learning_rate",
)


def run_tune(output_dir, *arguments, program=PROGRAM):
    """Calls `main` and returns the exit status, and what was printed on stdout and stderr."""
    out, errors, status = io.StringIO(), io.StringIO(), 0
    with flagsaver.flagsaver():
        values = flags.FlagValues()
        for name in (*training_flag_names(), *OF_THE_COMMAND):
            values[name] = flags.FLAGS[name]
        tune.define_flags(values)
        line = ["tune", f"--output_dir={output_dir}", *SETTINGS, *arguments]
        with (
            mock.patch.object(tune, "FLAGS", values),
            mock.patch.object(tune, "TRAIN", program),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            try:
                tune.main(values(line))
            except SystemExit as stopped:
                status = stopped.code
    return status, out.getvalue(), errors.getvalue()


def process_arguments(output_dir, *arguments):
    """Returns the command line of the same in a process of its own, a list of str."""
    return [sys.executable, "-m", __name__, f"--output_dir={output_dir}", *SETTINGS, *arguments]


def _quick_chief():
    """Has KerasTuner's chief look every second, not every 20, whether its workers have left."""
    from keras_tuner.src.distribute import oracle_chief

    sleep = oracle_chief.time.sleep
    oracle_chief.time = mock.Mock(sleep=lambda seconds: sleep(min(seconds, 1)))


if __name__ == "__main__":
    tune.TRAIN = PROGRAM
    _quick_chief()
    tune.define_flags(flags.FLAGS)
    app.run(tune.main)
