"""How far two tasks choose the same models."""

import numpy as np


def task_agreement(first, second, num_levels):
    """Compares the choices for two sets of images.

    Of a few hundred images over hundreds of models the overlap comes out low by chance alone;
    that of the levels in each block does not suffer from it.

    Args:
        first, second: int arrays `(images, blocks)` of the same blocks, at least one image each.
        num_levels: int.

    Returns:
        Dict of plain Python values.

        | key | value |
        | --- | --- |
        | `overlap` | `sum over models of min(p, q)`: the share of images that can be paired with
          one of the other task on the same model; 0 for no model in common, 1 for the same
          distribution |
        | `divergence` | Jensen-Shannon, in bits: 0 for the same distribution, 1 for no model in
          common (Lin, 1991) |
        | `shared_models` | how many models both use |
        | `level_overlap` | list, per block, of `sum over levels of min(p, q)` |

    Raises:
        ValueError: if the numbers of blocks differ, or there is no image.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or not len(first) * len(second):
        raise ValueError(
            "`first` and `second` must be (images, blocks), with an image, of the same blocks. "
            f"Received: shapes {first.shape}, {second.shape}"
        )
    _, rows = np.unique(np.concatenate([first, second]), axis=0, return_inverse=True)
    rows = rows.reshape(-1)
    size = int(rows.max()) + 1
    p = np.bincount(rows[: len(first)], minlength=size) / len(first)
    q = np.bincount(rows[len(first) :], minlength=size) / len(second)
    level_shares = [
        (levels[:, :, np.newaxis] == np.arange(num_levels)).mean(axis=0)
        for levels in (first, second)
    ]
    return {
        "overlap": float(np.minimum(p, q).sum()),
        "divergence": _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2,
        "shared_models": int(np.sum((p > 0) & (q > 0))),
        "level_overlap": np.minimum(*level_shares).sum(axis=1).tolist(),
    }


def _entropy(shares):
    """Returns the entropy in bits, a float."""
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log2(shares)))
