"""A short training, for tests that need a run whose network and figures are those of a trained one.

It is trained once in a process, however many tests ask for it; they must not write to it, but to a
copy (`copy_run`).
"""

import atexit
import functools
import pathlib
import shutil
import tempfile

from elastic_tf_tools import train

from tests.tools.commands import run_command

TASKS = ("digits", "fashion_mnist_small")
# Both tasks, every stage, several epochs: some seconds.
FLAGS = (
    f"--tasks={','.join(TASKS)}",
    "--batch_size=digits=8,fashion_mnist_small=8",
    "--validation_share=0.1",
    "--backbone=wrn-8-1",
    "--trunk_size=4",
    "--num_levels=3",
    "--initial_steps=20",
    "--rounds=2",
    "--selector_steps=5",
    "--estimator_steps=3",
    "--target_macs=0.7",
    "--steps_per_epoch=15",
    "--policy_health_every=2",
    "--policy_health_images=100",
    "--search_evaluations=5",
    "--seed=3",
)
TOTAL_STEPS = 33


@functools.cache
def trained_run():
    """Returns the path of the run's folder, and what its training printed."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "run"
    return path, run_command(train, f"--output_dir={path}", *FLAGS)


def copy_run(path):
    """Copies the run to a path, and returns it."""
    shutil.copytree(trained_run()[0], path)
    return pathlib.Path(path)
