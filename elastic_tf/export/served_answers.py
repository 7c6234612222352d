"""What an exported network answers."""

import tensorflow as tf


def served_answers(answer, cost_table):
    """Returns the outputs of an exported network that chooses by itself.

    Args:
        answer: `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.
        cost_table: the task's `CostTable`.

    Returns:
        Dict of `probabilities`, float32 `(batch, num_classes)`; `classes`, int32 `(batch,)`, the
        most probable; `levels`, int32 `(batch, blocks)`; `macs`, int64 `(batch,)`, the
        multiply-accumulates of each image, selector included.
    """
    levels = answer["levels"]
    return served_probabilities(answer["logits"]) | {
        "levels": levels,
        "macs": cost_table.macs(levels),
    }


def served_probabilities(logits):
    """Returns those of the outputs that a fixed model has too.

    Args:
        logits: float32 tensor `(batch, num_classes)`.
    """
    return {
        "probabilities": tf.nn.softmax(logits),
        "classes": tf.argmax(logits, axis=-1, output_type=tf.int32),
    }
