"""What a set of choices looks like: how varied, how uneven, how costly."""

import numpy as np

QUANTILES = {"p50": 50, "p95": 95}


def policy_statistics(levels, macs_share, num_levels, top=10):
    """Describes the models chosen for a set of images.

    Args:
        levels: int array `(images, blocks)`, at least one image.
        macs_share: float array `(images,)`. What each image's model costs.
        num_levels: int.
        top: int >= 1. How many of the most used models count as the top. Defaults to 10.

    Returns:
        Dict of plain Python values.

        | key | value |
        | --- | --- |
        | `distinct_models` | how many different models were chosen |
        | `entropy` | of the distribution of the models, nats: 0 for one model, `log(n)` for n
          models used alike |
        | `top_share` | share of the images on the `top` most used models, in [0, 1] |
        | `top_models` | list of `{"levels": [...], "share": ...}`, most used first |
        | `level_shares` | per block, the share of the images at each level; adds up to 1 |
        | `macs` | `{"mean", "p50", "p95"}` of `macs_share` |
    """
    levels = np.asarray(levels)
    models, counts = np.unique(levels, axis=0, return_counts=True)
    shares = counts / len(levels)
    order = np.argsort(-counts, kind="stable")
    level_shares = (levels[:, :, np.newaxis] == np.arange(num_levels)).mean(axis=0)
    quantiles = {key: float(np.percentile(macs_share, q)) for key, q in QUANTILES.items()}
    return {
        "distinct_models": len(models),
        # `+ 0.0`: a single model has no entropy, and not minus no entropy.
        "entropy": float(-np.sum(shares * np.log(shares))) + 0.0,
        "top_share": float(shares[order[:top]].sum()),
        "top_models": [
            {"levels": models[i].tolist(), "share": float(shares[i])} for i in order[:top]
        ],
        "level_shares": level_shares.tolist(),
        "macs": {"mean": float(np.mean(macs_share)), **quantiles},
    }
