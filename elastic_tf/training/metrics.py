"""The running figures of one task, under names that a person understands."""

import keras

TRAINING = (
    "loss",
    "accuracy",
    "density",
    "macs_share",
    "reward",
    "entropy",
    "price",
    "guess_accuracy",
)
TEST = ("loss", "accuracy", "full_accuracy", "density", "macs_share")


class TaskMetrics:
    """Means of one task's figures over an epoch or an evaluation.

    Args:
        task: str. The metrics are named `<task>_<figure>`.

    Attributes:
        means: dict from figure to `keras.metrics.Mean`. *loss* is the cross-entropy in nats;
            *accuracy* that of the models in use (in training those of the estimator batch, in
            evaluation those the selector chooses); *full_accuracy* that of the full model;
            *density* and *macs_share* the cost of the models in use; *reward*, *entropy* (nats
            per block) and *price* (of compute, in nats) are the selector's, *guess_accuracy* that
            of the classes it guesses.
    """

    def __init__(self, task):
        self.means = {
            figure: keras.metrics.Mean(name=f"{task}_{figure}")
            for figure in dict.fromkeys(TRAINING + TEST)
        }

    def update(self, **values):
        """Adds tensors of per-image values, by figure."""
        for figure, value in values.items():
            self.means[figure].update_state(value)

    def results(self, figures):
        """Returns `{metric name: mean}` for the figures named."""
        return {self.means[figure].name: self.means[figure].result() for figure in figures}
