"""How healthy the selector's choice is, in TensorBoard while the network trains."""

import os

import keras
import tensorflow as tf

from elastic_tf.evaluation.answers import Answers
from elastic_tf.evaluation.fixed_front import FixedFront, search_front
from elastic_tf.evaluation.task_evaluation import evaluate_task

ACCURACIES = ("selector", "full", "front", "shuffled", "random_at_cost")
GAINS = ("gain_over_shuffled", "gain_over_front")


class PolicyHealth(keras.callbacks.Callback):
    """Measures the choice on held-out images every few epochs, and writes it to TensorBoard.

    A selector that ends with one model for all images shows it here long before the end: its
    entropy falls, and so do its gains over choices that are blind to the image. Fixed models are
    searched for on the very images they are measured on, which flatters them a little.

    Args:
        batches: dict from task name to an iterable of `(images, labels)` that gives the same images
            at every pass.
        log_dir: str or path. The figures go to its subfolder `policy`.
        every: int >= 1. Epochs between two measurements. Defaults to 1.
        start_step: int >= 0. Training step before which there is no selector worth measuring.
            Defaults to 0.
        search_evaluations: int >= 1. See `search_front`. Defaults to 20.

    Raises:
        ValueError: if `every` is below 1.
    """

    def __init__(self, batches, log_dir, every=1, start_step=0, search_evaluations=20):
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be at least 1. Received: {every=}")
        self.batches = batches
        self.every = every
        self.start_step = start_step
        self.search_evaluations = search_evaluations
        self._folder = os.path.join(log_dir, "policy")
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every or int(self.model.step.numpy()) <= self.start_step:
            return
        self._writer = self._writer or tf.summary.create_file_writer(self._folder)
        with self._writer.as_default(step=epoch):
            for task, batches in self.batches.items():
                answers = Answers(self.model, batches, task)
                front = FixedFront(search_front(answers, self.search_evaluations), answers)
                results = evaluate_task(answers, front, shuffles=2)
                for name, value in health_scalars(results).items():
                    tf.summary.scalar(f"{task}/{name}", value)
        self._writer.flush()

    def on_train_end(self, logs=None):
        if self._writer:
            self._writer.close()


def health_scalars(results):
    """Returns the figures of one task worth a curve.

    Args:
        results: dict, of `evaluate_task` with a search.

    Returns:
        Dict from name to float. Accuracies and shares are in [0, 1]; gains, with the ends of their
        intervals, in percentage points; the entropy is that of the models chosen, in nats.
    """
    policy = results["policy"]
    scalars = {f"accuracy/{name}": results["accuracy"][name] for name in ACCURACIES}
    scalars |= {f"macs/{name}": value for name, value in policy["macs"].items()}
    for gain in GAINS:
        scalars |= {f"{gain}/{end}": results[gain][end] for end in ("points", "low", "high")}
    return scalars | {
        "choice/entropy": policy["entropy"],
        "choice/distinct_models": float(policy["distinct_models"]),
        "choice/top_ten_share": policy["top_share"],
        "choice/top_share": policy["top_models"][0]["share"],
    }
