"""In place of a selector: none, for networks that a second look alone holds to budgets."""

import keras
import tensorflow as tf

from elastic_tf.settings import Configured

# At which a second look is shown where no choice says how many MACs to compare it at.
SHOWN_BUDGET = 0.5


@keras.saving.register_keras_serializable("elastic_tf")
class NoSelector(Configured, keras.layers.Layer):
    """Chooses the full model for every image, and has nothing to learn.

    Args:
        num_blocks, num_levels: ints, of the estimator.

    Call arguments:
        inputs: tensor `(batch, ...)`.
        task, training: not used.
        return_guess: bool. Defaults to `False`.

    Returns:
        Scores, float32 `(batch, num_blocks, num_levels)`: 1 for the last level, else 0. With
        `return_guess` a pair of these and `None`.
    """

    def __init__(self, num_blocks, num_levels, **kwargs):
        super().__init__(**({"autocast": False} | kwargs))
        self.num_blocks = num_blocks
        self.num_levels = num_levels
        self.built = True

    def call(self, inputs, task=None, training=False, return_guess=False):
        scores = self.score(inputs)
        return (scores, None) if return_guess else scores

    def score(self, images):
        """Returns the scores alone."""
        size = [tf.shape(images)[0], self.num_blocks]
        return tf.one_hot(tf.fill(size, self.num_levels - 1), self.num_levels)

    def task_variables(self, task):
        """Returns none, an empty list."""
        return []

    guess_variables = task_variables

    def shared_layers(self):
        """Returns none, an empty list."""
        return []

    def macs(self, task):
        """Returns 0."""
        return 0
