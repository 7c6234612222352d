"""The price of MACs in the selector's reward, fixed or adapted to a wanted share of MACs."""

import keras
import tensorflow as tf

from elastic_tf.settings import Configured

SCOPES = ("task", "all")
# Weight of the past in the running share of MACs: one batch of few images says little.
_MOMENTUM = 0.9
# How fast the price follows: a share of MACs 10 % off the target changes it by 0.5 % a step, some
# times slower than the selector learns, so that the two do not swing.
_RATE = 0.05
# In nats for the MACs of the full model. Beyond these cost is all that counts, or nothing; a price
# that went on from there, while the choice is slow to follow, would be long on its way back.
_LOWEST, _HIGHEST = 1e-3, 10.0


@keras.saving.register_keras_serializable("elastic_tf")
class MacsPrice(Configured, keras.layers.Layer):
    """One price for each task, saved with the model, so that a resumed training goes on with it.

    Without a target the price stays that of the settings. With one, every selector step
    multiplies it by `exp(rate * (share / target - 1))`: it rises while the selector's choice is
    dearer than wanted, and falls while it is cheaper.

    Args:
        tasks: list of str.

    Reference: Stooke et al., 2020 (arXiv 2007.03964), on multipliers as controllers; the
        method's section 4 for the reward.
    """

    def __init__(self, tasks, **kwargs):
        super().__init__(**({"trainable": False} | kwargs))
        self.tasks = list(tasks)
        self.prices = {task: self._scalar(f"{task}_price") for task in self.tasks}
        self.shares = {task: self._scalar(f"{task}_macs_share") for task in self.tasks}
        self.built = True

    def of(self, task):
        """Returns the price of a task, a float32 scalar tensor."""
        return tf.convert_to_tensor(self.prices[task])

    def reset(self, settings):
        """Starts with the price of a `MethodSettings`, at its target if there is one."""
        for task in self.tasks:
            self.prices[task].assign(settings.price)
            target = settings.target_macs_of(task)
            self.shares[task].assign(0.0 if target is None else target)

    def adapt(self, task, share, settings):
        """Moves the price towards the target, if there is one.

        Args:
            task: str, the task of the batch.
            share: float32 scalar tensor. Mean share of MACs of the selector's choice on the
                batch, its own included.
            settings: a `MethodSettings`. With `target_scope="all"` the price of all tasks follows
                the mean of their shares.
        """
        target = settings.target_macs_of(task)
        if target is None:
            return
        running = self.shares[task]
        running.assign(running + (1 - _MOMENTUM) * (share - running))
        tasks, rate = [task], _RATE
        if settings.target_scope == "all":
            # Each of the tasks' updates in a step takes its part of the way.
            tasks, rate = self.tasks, _RATE / len(self.tasks)
        mean = tf.add_n([tf.convert_to_tensor(self.shares[name]) for name in tasks]) / len(tasks)
        factor = tf.exp(rate * (mean / target - 1))
        for name in tasks:
            price = self.prices[name] * factor
            self.prices[name].assign(tf.clip_by_value(price, _LOWEST, _HIGHEST))

    def _scalar(self, name):
        return self.add_weight(
            name=name, shape=(), dtype="float32", initializer="zeros", trainable=False
        )
