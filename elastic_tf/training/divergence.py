"""Ending a training whose loss is no number any more."""

import math

import keras


class RaiseOnDivergence(keras.callbacks.Callback):
    """Raises an error as soon as a figure in the logs is infinite or not a number.

    Put it before the checkpoint, so that the last good one stays.

    Raises:
        FloatingPointError: names the figure and the step.
    """

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"Training diverged at step {int(self.model.step.numpy())}; a lower "
                    f"`learning_rate` may help. Received: {name}={float(value)}"
                )
