"""The final figures of a task: the selector against fixed and against blind choices."""

import numpy as np
import tensorflow as tf

from elastic_tf.policies.sampling import fixed_level, uniform


def evaluate_task(network, batches, task, seed=0, shuffles=5, top=10):
    """Measures the network on every image of a task, under several choices of models.

    The *shuffled* choice deals the selector's own models to the wrong images, at exactly the same
    cost; where the selector beats it, it has looked at the image. It is the mean over several
    shuffles. The *random* choice draws every block's level uniformly.

    Args:
        network: an `ElasticNetwork`.
        batches: iterable of `(images, labels)` that gives the same images at every pass.
        task: str.
        seed: int, of the random and shuffled choices. Defaults to 0.
        shuffles: int >= 1. Defaults to 5.
        top: int >= 1. How many of the most used models to list. Defaults to 10.

    Returns:
        Dict of plain Python values. Shares of MACs are of the full model's without selector.

        | key | value |
        | --- | --- |
        | `num_images` | images in `batches` |
        | `accuracy` | dict of shares in [0, 1]: `selector`, `full`, `level_<k>` for every level
          used everywhere, `random`, `shuffled` |
        | `density`, `macs_share` | of the selected models, means over images; selector included |
        | `fixed_macs_share` | dict `level_<k>`; a fixed model needs no selector |
        | `random_macs_share` | of the random levels, without selector |
        | `full_macs`, `selector_macs` | MACs for one image |
        | `distinct_models` | how many different models the selector chose |
        | `top_models` | list of `{"levels": [...], "share": ...}`, most used first |

    Raises:
        ValueError: if there is no image.

    Reference: the method's sections 5.10 and 6.
    """
    runner = _Runner(network, batches, task)
    chosen, labels = runner.choose()
    if not len(labels):
        raise ValueError(f"`batches` must hold at least one image of task '{task}'. Received: none")
    size, table = len(labels), network.cost_table(task)
    blocks, num_levels = network.num_blocks, network.num_levels

    def accuracy(levels):
        return float(np.mean(runner.predict(np.asarray(levels)) == labels))

    uniform_levels = [fixed_level(size, blocks, level) for level in range(num_levels)]
    accuracies = {f"level_{k}": accuracy(levels) for k, levels in enumerate(uniform_levels)}
    random_levels = uniform(size, blocks, num_levels, (seed, 0))
    orders = [np.random.default_rng([seed, k]).permutation(size) for k in range(shuffles)]
    models, counts = np.unique(chosen, axis=0, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:top]
    return {
        "num_images": size,
        "accuracy": {
            "selector": accuracy(chosen),
            "full": accuracies[f"level_{num_levels - 1}"],
            **accuracies,
            "random": accuracy(random_levels),
            "shuffled": float(np.mean([accuracy(chosen[order]) for order in orders])),
        },
        "density": float(np.mean(table.density(chosen))),
        "macs_share": float(np.mean(table.macs_share(chosen))),
        "fixed_macs_share": {
            f"level_{k}": float(table.macs_share(levels[0], with_selector=False))
            for k, levels in enumerate(uniform_levels)
        },
        "random_macs_share": float(np.mean(table.macs_share(random_levels, with_selector=False))),
        "full_macs": table.full_macs,
        "selector_macs": table.selector_macs,
        "distinct_models": len(models),
        "top_models": [
            {"levels": models[i].tolist(), "share": float(counts[i] / size)} for i in most
        ],
    }


class _Runner:
    """Passes over the images of one task, the graphs traced once."""

    def __init__(self, network, batches, task):
        self.batches = batches
        self.blocks = network.num_blocks
        height, width, channels = network.tasks[task]["image_shape"]
        images = tf.TensorSpec((None, height, width, channels), tf.uint8)
        levels = tf.TensorSpec((None, self.blocks), tf.int32)
        self._select = tf.function(
            lambda images: network.select_levels(images, task), input_signature=[images]
        )
        self._classify = tf.function(
            lambda images, levels: tf.argmax(
                network.estimator(images, levels=levels, task=task), axis=-1
            ),
            input_signature=[images, levels],
        )

    def choose(self):
        """Returns the selector's levels `(images, blocks)` and the labels `(images,)`."""
        levels, labels = [np.zeros((0, self.blocks), np.int32)], [np.zeros((0,), np.int64)]
        for images, batch_labels in self.batches:
            levels.append(self._select(tf.cast(images, tf.uint8)).numpy())
            labels.append(np.asarray(batch_labels, np.int64))
        return np.concatenate(levels), np.concatenate(labels)

    def predict(self, levels):
        """Returns the classes `(images,)` that the models given by `levels` predict."""
        classes, start = [], 0
        for images, _ in self.batches:
            stop = start + len(images)
            chosen = tf.constant(levels[start:stop], tf.int32)
            classes.append(self._classify(tf.cast(images, tf.uint8), chosen).numpy())
            start = stop
        return np.concatenate(classes)
