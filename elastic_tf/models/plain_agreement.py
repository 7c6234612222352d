"""Whether a plain network computes what the full model of an estimator does."""

import keras
import numpy as np
import tensorflow as tf

_NUM_IMAGES = 8
# Of the largest logit; and where one of the two does not compute in float32.
_TOLERANCE, _COARSE_TOLERANCE = 1e-5, 5e-2
_SMALLEST = 1e-30  # Of a probability whose logarithm is compared; smaller ones may be 0.


def check_agreement(estimator, plain, layers, task):
    """Checks on random images that a plain network and the full model have the same outputs.

    Args:
        estimator: an `Estimator`.
        plain: a `keras.Model` to logits, or to their softmax.
        layers: list of its layers, those of models within it too. With a `Rescaling` among them its
            images are pixels in 0..255, else in -1..1.
        task: str.

    Raises:
        ValueError: if the outputs differ.
    """
    shape = (_NUM_IMAGES, *estimator.tasks[task]["image_shape"])
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    rescales = any(isinstance(layer, keras.layers.Rescaling) for layer in layers)
    theirs = plain(images if rescales else images / 127.5 - 1, training=False)
    theirs = np.asarray(tf.cast(theirs, tf.float32))
    ours = np.asarray(tf.cast(estimator(images, task=task), tf.float32))
    if theirs.shape != ours.shape:
        raise ValueError(
            f"`plain` must have outputs {ours.shape[1:]} for an image of '{task}'. "
            f"Received: {theirs.shape[1:]}"
        )
    error = _error(ours, theirs)
    dtypes = {layer.compute_dtype for layer in (estimator, *layers)}
    is_exact = dtypes.isdisjoint(("float16", "bfloat16"))
    if not error <= (_TOLERANCE if is_exact else _COARSE_TOLERANCE):  # Nor is nan.
        raise ValueError(
            "`plain` must compute what the estimator's full model does with its weights; its "
            "activations, poolings, dilations or connections are others. Received: outputs that "
            f"differ by {error:.2g} of the largest"
        )


def _error(ours, theirs):
    """Returns the largest difference as a share of the largest value."""
    is_softmax = np.all(theirs >= 0) and np.allclose(theirs.sum(axis=-1), 1, atol=1e-3)
    if is_softmax:  # Compared as logarithms, which tell sure probabilities apart.
        ours = tf.nn.log_softmax(ours).numpy()
        is_shown = theirs > _SMALLEST
        ours, theirs = ours[is_shown], np.log(theirs[is_shown])
    return np.abs(ours - theirs).max() / max(np.abs(theirs).max(), _SMALLEST)
