r"""Cuts the embedded Fashion-MNIST subset from the full data set.

    python tools/cut_fashion_mnist.py --source=fashion_mnist.npz \
        --output=pipelines/sources/data/fashion_mnist_small.npz

The same input gives the same arrays, and with the same zlib the same bytes.
"""

import hashlib
import pathlib

import numpy as np
from absl import app, flags

FLAGS = flags.FLAGS

flags.DEFINE_string("source", None, "npz of the full data set, with the arrays that Keras stores.")
flags.DEFINE_string("output", None, "npz to write.")
flags.DEFINE_integer("train_per_class", 800, "Images per class from the train split.", 1)
flags.DEFINE_integer("test_per_class", 200, "Images per class from the test split.", 1)


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


def cut(source, output, train_per_class, test_per_class):
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


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Arguments must be flags, --name=value. Received: {argv[1:]}")
    print(cut(FLAGS.source, FLAGS.output, FLAGS.train_per_class, FLAGS.test_per_class))


if __name__ == "__main__":
    flags.mark_flags_as_required(["source", "output"])
    app.run(main)
