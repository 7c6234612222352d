"""Normalisation as plain numbers, and its fold into the convolution before it."""

import numpy as np


def scale_and_offset(norm, task):
    """Returns what a normalisation does in inference: `inputs * scale + offset`.

    Args:
        norm: a built `TaskBatchNormalization`.
        task: str, whose running averages to take.

    Returns:
        Two float32 arrays `(channels,)`.
    """
    gamma, beta, mean, variance = (
        np.asarray(variable, np.float64)
        for variable in (
            norm.gamma,
            norm.beta,
            norm.moving_means[task],
            norm.moving_variances[task],
        )
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def fold_norm(kernel, norm, task):
    """Returns the convolution that does what a convolution and the normalisation after it do.

    Args:
        kernel: float array `(height, width, in_channels, filters)`.
        norm: a built `TaskBatchNormalization` of `filters` channels.
        task: str, whose running averages to take.

    Returns:
        kernel: float32 array of the same shape.
        bias: float32 array `(filters,)`.

    Reference: Jacob et al., 2018 (arXiv 1712.05877), section 3.2.
    """
    scale, offset = scale_and_offset(norm, task)
    return np.asarray(kernel, np.float32) * scale, offset
