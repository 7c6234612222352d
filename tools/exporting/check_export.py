"""Whether an export answers as the network that it was made of."""

import numpy as np
import tensorflow as tf

# Of probabilities; runtimes add in other orders.
TOLERANCE = 1e-4


def largest_difference(loaded, network, choice, images):
    """Returns the largest difference between an export's probabilities and the network's.

    Images whose levels differ do not count, unless they are more than one in a hundred: where two
    levels are worth almost the same, the last bits decide.

    Args:
        loaded: `LoadedExport`.
        network: the `ElasticNetwork`, with calibrations where `choice` has a budget.
        choice: `ModelChoice`.
        images: uint8 array `(batch, *image_shape)`.

    Raises:
        RuntimeError: if the levels are others.
    """
    answer = loaded.predict(images.astype(loaded.manifest["input_dtype"]))
    task = loaded.task
    levels = choice.of(network, task)(images)
    same = np.all(answer["levels"] == np.asarray(levels), axis=1)
    if np.mean(same) < 0.99:
        raise RuntimeError(
            f"The export of '{task}' gives other levels than the network for "
            f"{np.sum(~same)} of {len(images)} images"
        )
    logits = network.estimator(images, levels=levels, task=task)
    difference = np.abs(answer["probabilities"] - tf.nn.softmax(logits).numpy())
    return float(difference[same].max())
