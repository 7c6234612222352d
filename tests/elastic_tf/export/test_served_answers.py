import numpy as np
import tensorflow as tf

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.export.served_answers import served_answers


class ServedAnswersTest(tf.test.TestCase):
    def test_probabilities_classes_levels_and_macs(self):
        table = CostTable(10, [[0, 100], [0, 1000]], [[0, 4], [0, 4]], selector_macs=5)
        logits = np.log([[0.2, 0.8], [0.7, 0.3], [0.1, 0.9]]).astype(np.float32)
        levels = np.array([[0, 0], [1, 0], [1, 1]], np.int32)
        served = served_answers({"logits": logits, "levels": levels}, table)
        self.assertAllClose(served["probabilities"], [[0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])
        self.assertAllEqual(served["classes"], [1, 0, 1])
        self.assertAllEqual(served["levels"], levels)
        self.assertAllEqual(served["macs"], [15, 115, 1115])


if __name__ == "__main__":
    tf.test.main()
