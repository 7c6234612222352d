"""Initial model distributions: which models the estimator trains before a selector exists."""

import tensorflow as tf

from elastic_tf.policies.sampling import sampled, uniform


class ProposedDistribution:
    """The paper's: most instances run the full model, the others one drawn uniformly.

    Args:
        full_share: float in [0, 1]. Share of a batch that runs the full model. Defaults to 0.75.

    Call arguments:
        logits: float tensor `(batch, blocks, levels)`; only its shape matters.
        seed: int tensor `(2,)`.

    Returns:
        int32 tensor `(batch, blocks)`.

    Raises:
        ValueError: if `full_share` is out of range.

    Reference: Ahn et al., 2019, section 3.2 and supplement section 2.
    """

    needs_logits = False

    def __init__(self, full_share=0.75):
        if not 0 <= full_share <= 1:
            raise ValueError(f"`full_share` must be in [0, 1]. Received: {full_share=}")
        self.full_share = full_share

    def __call__(self, logits, seed):
        batch_size = tf.shape(logits)[0]
        num_blocks, num_levels = logits.shape[1:]
        full_rows = tf.cast(tf.round(self.full_share * tf.cast(batch_size, tf.float32)), tf.int32)
        is_full = (tf.range(batch_size) < full_rows)[:, tf.newaxis]
        drawn = uniform(batch_size, num_blocks, num_levels, seed)
        return tf.where(is_full, num_levels - 1, drawn)


class UniformDistribution(ProposedDistribution):
    """Every block's level uniform for every instance: the paper's first ablation."""

    def __init__(self):
        super().__init__(full_share=0.0)


class RandomDistribution:
    """The untrained selector's own distribution: the paper's second ablation.

    Called as `ProposedDistribution`, but the values of `logits` matter.
    """

    needs_logits = True

    def __call__(self, logits, seed):
        return sampled(logits, seed)


INITIAL_DISTRIBUTIONS = {
    "proposed": ProposedDistribution,
    "uniform": UniformDistribution,
    "random": RandomDistribution,
}


def get_initial_distribution(name, full_share=0.75):
    """Returns the distribution of that name.

    Args:
        name: `"proposed"`, `"uniform"` or `"random"`.
        full_share: float in [0, 1], for `"proposed"`.

    Raises:
        ValueError: if there is no such distribution.
    """
    if name not in INITIAL_DISTRIBUTIONS:
        raise ValueError(
            f"`initial_distribution` must be one of {sorted(INITIAL_DISTRIBUTIONS)}. "
            f"Received: initial_distribution={name}"
        )
    return ProposedDistribution(full_share) if name == "proposed" else INITIAL_DISTRIBUTIONS[name]()
