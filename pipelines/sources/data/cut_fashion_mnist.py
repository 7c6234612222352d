r"""Cuts the embedded Fashion-MNIST subset from the full data set.

    python pipelines/sources/data/cut_fashion_mnist.py fashion_mnist.npz fashion_mnist_small.npz

The same input gives the same arrays, and with the same zlib the same bytes.
"""

import argparse
import hashlib
import pathlib

import numpy as np


def first_per_class(labels, count):
    """Returns the indices of the first `count` examples of every class, ascending.

    Args:
        labels: integer array `(examples,)`.
        count: int >= 1.

    Raises:
        ValueError: if a class has fewer examples.
    """
    chosen = []
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        if len(indices) < count:
            raise ValueError(
                f"`labels` must hold at least {count} examples of class {label}. "
                f"Received: examples={len(indices)}"
            )
        chosen.append(indices[:count])
    return np.sort(np.concatenate(chosen))


def cut(source, output, train_per_class=800, test_per_class=200):
    """Writes the subset and returns the SHA-256 of the file, hexadecimal."""
    arrays = {}
    with np.load(source, allow_pickle=False) as full:
        for split, count in (("train", train_per_class), ("test", test_per_class)):
            labels = full[f"y_{split}"]
            chosen = first_per_class(labels, count)
            arrays[f"x_{split}"] = full[f"x_{split}"][chosen].astype(np.uint8)
            arrays[f"y_{split}"] = labels[chosen].astype(np.uint8)
    np.savez_compressed(output, **arrays)
    return hashlib.sha256(pathlib.Path(output).read_bytes()).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="npz of the full data set, as Keras stores it")
    parser.add_argument("output", help="npz to write")
    arguments = parser.parse_args()
    print(cut(arguments.source, arguments.output))
