import math

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.policy_statistics import policy_statistics

# Four images on one model, two on another, one each on two more.
LEVELS = np.array([[0, 2]] * 4 + [[1, 2]] * 2 + [[0, 0], [2, 1]])
MACS = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.2, 0.9])


def _statistics(**changes):
    return policy_statistics(**{"levels": LEVELS, "macs_share": MACS, "num_levels": 3} | changes)


class PolicyStatisticsTest(tf.test.TestCase, parameterized.TestCase):
    def test_models_are_counted(self):
        self.assertEqual(_statistics()["distinct_models"], 4)

    def test_entropy_is_that_of_the_models(self):
        # 1/2, 1/4, 1/8 and 1/8: 1.75 bits.
        self.assertAllClose(_statistics()["entropy"], 1.75 * math.log(2))

    def test_one_model_has_no_entropy(self):
        statistics = policy_statistics(np.ones((5, 2), int), np.ones(5), 3)
        self.assertEqual(str(statistics["entropy"]), "0.0")

    @parameterized.parameters((1, 0.5), (2, 0.75), (10, 1.0))
    def test_share_of_the_most_used(self, top, share):
        self.assertAllClose(_statistics(top=top)["top_share"], share)

    def test_most_used_models_come_first(self):
        expected = [{"levels": [0, 2], "share": 0.5}, {"levels": [1, 2], "share": 0.25}]
        self.assertEqual(_statistics(top=2)["top_models"], expected)

    def test_level_shares_of_every_block(self):
        expected = [[5 / 8, 2 / 8, 1 / 8], [1 / 8, 1 / 8, 6 / 8]]
        self.assertAllClose(_statistics()["level_shares"], expected)

    def test_macs_have_mean_and_quantiles(self):
        macs = _statistics(macs_share=np.arange(101)[:8] * 10.0)["macs"]
        self.assertAllClose(macs, {"mean": 35.0, "p50": 35.0, "p95": 66.5})


if __name__ == "__main__":
    tf.test.main()
