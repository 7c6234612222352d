"""The input pipeline: whether it keeps up with training."""

import dataclasses
import time

from elastic_tf_tools.benchmarking.rows import Candidate, measure_rows
from elastic_tf_tools.benchmarking.training_rows import initial_stage, iterator_runner, step_runner

_MOST_STEPS = 200


def input_rows(network, batches, timer):
    """Returns the rows of a training step on one cached batch and on the pipeline's stream.

    Both are steps of the same network in its initial stage. A turn is as many steps as fit the
    time: the pipeline works ahead while it is the other's turn, and one step would find its batch
    waiting however slow the pipeline is. What it has ahead at the start of a turn is still hidden,
    so a pipeline that is too slow shows as a little less slow than it is.

    Args:
        network: a `DeepElasticNetwork`; it is compiled and trained here.
        batches: infinite `tf.data.Dataset` of `{task: (images, labels)}`.
        timer: an `InterleavedTimer`.

    Returns:
        List of `Row`, `input_cached` first, seconds per step; `batch_size` is the images of all
        tasks.
    """
    initial_stage(network)
    iterator = iter(batches)
    cached = next(iterator)
    batch_size = sum(len(labels) for _, labels in cached.values())
    runs = {
        "input_cached": step_runner(network, cached),
        "input_pipeline": iterator_runner(network, iterator),
    }
    steps = _steps_per_turn(runs["input_cached"], timer)
    candidates = {name: Candidate(_repeat(run, steps), None) for name, run in runs.items()}
    rows = measure_rows(candidates, batch_size, timer)
    return [
        dataclasses.replace(row, seconds=row.seconds / steps, reference=row.reference / steps)
        for row in rows
    ]


def _steps_per_turn(run, timer):
    """Returns how many steps a turn may have for the rounds to fit the time, an int."""
    run()  # Builds the graph.
    began = time.perf_counter()
    run()
    round_seconds = 2 * (time.perf_counter() - began)
    return min(_MOST_STEPS, max(1, int(timer.seconds / timer.min_rounds / round_seconds)))


def _repeat(run, steps):
    def run_all():
        for _ in range(steps):
            run()

    return run_all
