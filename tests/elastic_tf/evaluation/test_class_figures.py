"""Tests of the figures of single classes."""

import numpy as np
import tensorflow as tf

from elastic_tf.evaluation.class_figures import class_figures, confusion_matrix

LABELS = np.array([2, 0, 2, 3, 0, 2, 2])
ANSWERS = np.array([2, 0, 1, 3, 3, 2, 1])


class ClassFiguresTest(tf.test.TestCase):
    def test_each_class_has_its_images(self):
        costs = [0.1, 0.2, 0.3, 0.4, 0.6, 0.5, 0.7]
        right = {"a": LABELS == ANSWERS, "b": np.ones(7, bool)}
        found = class_figures(LABELS, right, costs, 5)
        self.assertEqual(list(found), ["images", "a", "b", "macs_share"])
        self.assertEqual(found["images"], [2, 0, 4, 1, 0])
        self.assertEqual(found["a"], [0.5, None, 0.5, 1.0, None])
        self.assertEqual(found["b"], [1.0, None, 1.0, 1.0, None])
        none = found["macs_share"].pop(4), found["macs_share"].pop(1)
        self.assertEqual(none, (None, None))
        self.assertAllClose(found["macs_share"], [0.4, 0.4, 0.4])

    def test_confusions_are_counted(self):
        expected = [[1, 0, 0, 1], [0, 0, 0, 0], [0, 2, 2, 0], [0, 0, 0, 1]]
        found = confusion_matrix(LABELS.astype(np.int8), ANSWERS, 4)
        self.assertAllEqual(found, expected)
