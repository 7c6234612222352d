"""Baselines: what is taken off the rewards so that their gradient varies less."""

import tensorflow as tf

BASELINES = ("leave_one_out", "none")


def advantages(rewards, baseline="leave_one_out"):
    """Returns the rewards less their baseline.

    Args:
        rewards: float32 tensor `(samples, batch)`: of several models drawn for each instance.
        baseline: `"leave_one_out"`: the mean over an instance's other samples, which needs at
            least two; `"none"`: the bare rewards, as in the paper.

    Returns:
        float32 tensor `(samples, batch)`.

    Raises:
        ValueError: if `baseline` is unknown, or there are too few samples for it.

    Reference: Kool et al., 2019, "Buy 4 REINFORCE samples, get a baseline for free".
    """
    if baseline not in BASELINES:
        raise ValueError(f"`baseline` must be one of {BASELINES}. Received: {baseline=}")
    if baseline == "none":
        return rewards
    samples = rewards.shape[0]
    if samples < 2:
        raise ValueError(
            f"`rewards` must hold at least 2 samples for `baseline='leave_one_out'`. "
            f"Received: rewards.shape={tuple(rewards.shape)}"
        )
    others = tf.reduce_sum(rewards, axis=0, keepdims=True) - rewards
    return rewards - others / (samples - 1)
