"""The number of training steps among the figures of an epoch."""

import keras


class StepLog(keras.callbacks.Callback):
    """Adds `step`, the training steps taken so far, to the logs of every epoch.

    TensorBoard and the like count epochs, whose length may change when a training is resumed.
    It must come before the callbacks that are to see it.
    """

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["step"] = float(self.model.step.numpy())
