"""A short training, for tests that need a network whose numbers are those of a trained one."""

from elastic_tf_tools import train

from tests.tools.commands import run_main

TASKS = ["digits", "fashion_mnist_small"]
_SETTINGS = {
    "tasks": TASKS,
    "batch_size": "digits=16,fashion_mnist_small=16",
    "validation_share": 0.1,
    "backbone": "wrn-8-1",
    "trunk_size": 4,
    "num_levels": 3,
    "initial_steps": 30,
    "rounds": 2,
    "selector_steps": 8,
    "estimator_steps": 4,
    "steps_per_epoch": 100,
    "policy_health_every": 0,
    "search_evaluations": 5,
    "seed": 3,
}


def train_run(path):
    """Trains two tasks for a moment, with three levels; `path` is the run's folder."""
    run_main(train.main, output_dir=str(path), **_SETTINGS)
