"""What the benchmark measures on: a network with a task and images."""

import dataclasses

import numpy as np
import tensorflow as tf

import elastic_tf
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR

# Each keeps a network in one stage, longer than any measurement.
SCHEDULES = {
    INITIAL: elastic_tf.StageSchedule(initial_steps=10**9, rounds=0),
    SELECTOR: elastic_tf.StageSchedule(0, rounds=1, selector_steps=1),
    ESTIMATOR: elastic_tf.StageSchedule(0, rounds=2, selector_steps=1, estimator_steps=10**9),
}
# Speed does not depend on the rates; low ones keep weights finite over many steps on one batch.
OPTIMIZERS = elastic_tf.OptimizerSettings(
    learning_rate=1e-3, alternation_learning_rate=1e-3, learning_rate_shape="step"
)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network with a task and images.

    Attributes:
        network: a `DeepElasticNetwork`.
        task: str, one of its tasks.
        images: uint8 array `(images, height, width, channels)`, at least one image.
        labels: int32 array `(images,)`.
        is_trained: bool. Whether the selector's choice means anything.
        seed: int >= 0, of everything that is drawn.
    """

    network: elastic_tf.DeepElasticNetwork
    task: str
    images: np.ndarray
    labels: np.ndarray
    is_trained: bool
    seed: int

    def batch(self, size):
        """Returns images `(size, height, width, channels)` and labels `(size,)`, tensors.

        The images there are, repeated until the batch is full.
        """
        rows = np.arange(size) % len(self.images)
        return tf.constant(self.images[rows]), tf.constant(self.labels[rows])

    def random_levels(self, size):
        """Returns uniform levels, int32 `(size, blocks)`, the same at every call."""
        shape = (size, self.network.num_blocks)
        levels = np.random.default_rng(self.seed).integers(0, self.network.num_levels, shape)
        return tf.constant(levels, tf.int32)

    def macs_share(self, levels, with_selector=False):
        """Returns the mean share of the full model's MACs, a float; levels `(..., blocks)`."""
        table = self.network.cost_table(self.task)
        return float(tf.reduce_mean(table.macs_share(levels, with_selector)))

    def staged_copy(self, kind, **settings):
        """Returns a network with the same weights, which trains in one stage, `kind`.

        Args:
            kind: `INITIAL`, `SELECTOR` or `ESTIMATOR`.
            **settings: of `MethodSettings`.
        """
        copy = elastic_tf.DeepElasticNetwork.from_config(self.network.get_config())
        copy.estimator.set_weights(self.network.estimator.get_weights())
        copy.selector.set_weights(self.network.selector.get_weights())
        copy.compile(SCHEDULES[kind], elastic_tf.MethodSettings(**settings), OPTIMIZERS)
        copy.step.assign(1 if kind == ESTIMATOR else 0)  # Behind its round's one selector step.
        return copy


def random_network(settings, image_size, seed):
    """Returns the network of settings for one task of square colour images of `image_size` pixels.

    It is untrained, but for what `init_from` brings.
    """
    tasks = {"random": {"image_shape": (image_size, image_size, 3), "num_classes": 10}}
    network, _ = elastic_tf.initial_network(tasks, settings, elastic_tf.MethodSettings(), seed)
    return network


def random_subject(network, count, seed):
    """Returns the `Subject` of an untrained network: its first task, with `count` random images.

    Scales, offsets and averages are moved off 1 and 0, as training would: TensorFlow's graph
    optimiser leaves a sum with zeros out, and with it the fused kernels of a trained network.
    """
    task, properties = next(iter(network.tasks.items()))
    generator = np.random.default_rng(seed)
    for weight in network.estimator.weights + network.selector.weights:
        if len(weight.shape) == 1:
            # Upwards, as variances must stay positive: those of dead channels are 0.
            weight.assign(weight + generator.uniform(0.0, 0.1, weight.shape))
    images = generator.integers(0, 256, (count, *properties["image_shape"]), np.uint8)
    labels = generator.integers(0, properties["num_classes"], count, np.int32)
    return Subject(network, task, images, labels, is_trained=False, seed=seed)
