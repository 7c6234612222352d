"""Tests of gains and their intervals."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.paired_gain import joint_gain, paired_gain


def right_answers(size, gained, lost):
    """Right answers of two choices that differ on `gained + lost` images."""
    ours, theirs = np.zeros(size), np.zeros(size)
    ours[:gained] = 1
    theirs[gained : gained + lost] = 1
    return ours, theirs


class PairedGainTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((1000, 30, 10), (400, 0, 20), (100, 5, 5))
    def test_points_are_the_difference(self, size, gained, lost):
        gain = paired_gain(*right_answers(size, gained, lost))
        self.assertAllClose(gain["points"], 100 * (gained - lost) / size)

    @parameterized.parameters((1000, 30, 10), (5000, 400, 300))
    def test_interval_is_near_the_normal_one(self, size, gained, lost):
        gain = paired_gain(*right_answers(size, gained, lost), resamples=20_000)
        mean = (gained - lost) / size
        half = 1.96 * np.sqrt(((gained + lost) / size - mean**2) / size)
        expected = [100 * (mean - half), 100 * (mean + half)]
        self.assertAllClose([gain["low"], gain["high"]], expected, rtol=0.08, atol=0.03)

    def test_images_hard_for_both_do_not_widen_it(self):
        same = np.random.default_rng(0).random(500) < 0.5
        gain = paired_gain(same, same)
        self.assertEqual(gain, {"points": 0.0, "low": 0.0, "high": 0.0})

    def test_confidence_sets_the_width(self):
        answers = right_answers(1000, 60, 40)
        wide, narrow = (paired_gain(*answers, confidence=c) for c in (0.95, 0.5))
        self.assertLess(wide["low"], narrow["low"])
        self.assertGreater(wide["high"], narrow["high"])

    def test_shares_may_stand_for_means_over_draws(self):
        self.assertAllClose(paired_gain([1.0, 1.0], [0.4, 0.8])["points"], 40.0)

    @parameterized.parameters(([], []), ([1, 0], [1]), ([[1]], [[0]]))
    def test_other_shapes_are_refused(self, ours, theirs):
        with self.assertRaisesRegex(ValueError, "`ours` and `theirs` must be .* Received"):
            paired_gain(ours, theirs)


class JointGainTest(tf.test.TestCase):
    def test_it_is_the_mean_over_tasks_whatever_their_sizes(self):
        ours, theirs = zip(right_answers(1000, 30, 10), right_answers(200, 4, 10), strict=True)
        found = joint_gain(ours, theirs, resamples=20_000)
        means = np.array([0.02, -0.03])
        self.assertAllClose(found["points"], 100 * means.mean())
        changed, sizes = np.array([0.04, 0.07]), np.array([1000, 200])
        half = 1.96 * np.sqrt(np.sum((changed - means**2) / sizes)) / 2
        expected = 100 * (means.mean() + np.array([-half, half]))
        self.assertAllClose([found["low"], found["high"]], expected, atol=0.06)
