"""What a second look gains: budgets kept by a pair of fixed models and a threshold."""

import numpy as np

from elastic_tf.policies.second_look import best_second_look


class SecondLooks:
    """Second looks of a task, chosen on held-out images and measured on others.

    Args:
        held_out, measured: `Answers` of one network and task.
        models: sequence of int sequences `(blocks,)`, to choose pairs from; each is run on the
            held-out images.
    """

    def __init__(self, held_out, measured, models):
        self._held_out, self._measured = held_out, measured
        self._models = [tuple(map(int, levels)) for levels in models]
        answers = [held_out.of_model(levels) for levels in self._models]
        self._are_right, self._confidences = map(np.array, zip(*answers, strict=True))

    @property
    def cheapest(self):
        """float, the share of MACs of the cheapest model."""
        table = self._held_out.table
        return min(float(table.macs_share(levels, with_selector=False)) for levels in self._models)

    def at(self, budget):
        """Returns the best second look at a budget, and what it does on the measured images.

        Args:
            budget: float, the mean MACs of an image as a share of the full model's; it is kept on
                held-out images.

        Returns:
            `SecondLook`; float array `(images,)`, the share of MACs of each image; bool array
            `(images,)`, which are classified rightly.

        Raises:
            ValueError: if no model is as cheap.
        """
        table = self._measured.table
        look = best_second_look(
            self._models, self._confidences, self._are_right, table, budget * table.full_macs
        )
        right, confidence = self._measured.of_model(look.first)
        is_unsure = look.is_unsure(confidence)
        if is_unsure.any():
            right = np.where(is_unsure, self._measured.of_model(look.second)[0], right)
        first, again = look.macs(table)
        return look, (first + again * is_unsure) / table.full_macs, right
