"""What is measured: a network, one of its tasks, and images for it."""

import dataclasses

import numpy as np
import tensorflow as tf

import pipelines
from elastic_tf.models.standalone import standalone_network
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork


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

    network: DeepElasticNetwork
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
        generator = np.random.default_rng(self.seed)
        shape = (size, self.network.num_blocks)
        return tf.constant(generator.integers(0, self.network.num_levels, shape), tf.int32)

    def macs_share(self, levels, with_selector=False):
        """Returns the mean share of the full model's MACs over level vectors, a float.

        Args:
            levels: int tensor `(..., blocks)`.
            with_selector: bool.
        """
        table = self.network.cost_table(self.task)
        return float(tf.reduce_mean(table.macs_share(levels, with_selector)))

    def plain_model(self, level):
        """Returns the `standalone_network` with the widths of one level in every block."""
        task = self.network.tasks[self.task]
        return standalone_network(
            task["image_shape"],
            task["num_classes"],
            self.network.backbone,
            [block.channels_per_level[level] for block in self.network.estimator.blocks],
            self.network.trunk_size,
        )

    def copy_of_network(self):
        """Returns a new network with the same weights, for a measurement that changes them."""
        copy = DeepElasticNetwork.from_config(self.network.get_config())
        copy.estimator.set_weights(self.network.estimator.get_weights())
        copy.selector.set_weights(self.network.selector.get_weights())
        return copy


def random_subject(network, count, seed):
    """Returns the `Subject` of an untrained network: its first task, with random images.

    Args:
        network: a `DeepElasticNetwork`.
        count: int >= 1. Images to draw.
        seed: int >= 0.
    """
    task, properties = next(iter(network.tasks.items()))
    generator = np.random.default_rng(seed)
    _disturb_norms(network, generator)
    images = generator.integers(0, 256, (count, *properties["image_shape"]), np.uint8)
    labels = generator.integers(0, properties["num_classes"], count, np.int32)
    return Subject(network, task, images, labels, is_trained=False, seed=seed)


def _disturb_norms(network, generator):
    """Moves scales, offsets and averages off 1 and 0, as training would.

    TensorFlow's graph optimiser leaves a sum with zeros out, and with it the fused kernels that a
    trained network runs.
    """
    for weight in network.estimator.weights + network.selector.weights:
        if len(weight.shape) == 1:
            weight.assign(weight + generator.uniform(-0.1, 0.1, weight.shape))


def trained_subject(network, specs, task, count, seed, **source_arguments):
    """Returns the `Subject` of a trained network, with the first images of a task's test split.

    Args:
        network: a `DeepElasticNetwork`.
        specs: sequence of the `TaskSpec`s that it was trained on.
        task: str, or `None` for the network's first.
        count: int >= 1. Images to read at most.
        seed: int >= 0.
        **source_arguments: of `pipelines.eval_dataset`.

    Raises:
        ValueError: if `task` is not one of the network's.
        DataNotFoundError: if its images are absent.
    """
    task = task or next(iter(network.tasks))
    if task not in network.tasks:
        raise ValueError(f"`--task` must be one of {list(network.tasks)}. Received: task={task}")
    spec = next(spec for spec in specs if spec.name == task)
    batches = pipelines.eval_dataset(spec, "test", count, **source_arguments)
    images, labels = next(iter(batches.as_numpy_iterator()))
    return Subject(network, task, images, labels, is_trained=True, seed=seed)
