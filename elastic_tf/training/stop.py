"""Ending a training exactly where its schedule ends."""

import keras


class StopAtStep(keras.callbacks.Callback):
    """Stops `fit` when the model's step counter reaches a number.

    Args:
        step: int. Steps of the whole training.
    """

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) >= self.step:
            self.model.stop_training = True
