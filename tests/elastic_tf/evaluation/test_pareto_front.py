import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.pareto_front import accuracy_at, hypervolume, pareto_front

POINTS = [(0.5, 0.8), (0.2, 0.5), (0.6, 0.7), (1.0, 0.9), (0.2, 0.4)]


class ParetoFrontTest(tf.test.TestCase, parameterized.TestCase):
    def test_front_holds_what_no_other_beats(self):
        generator = np.random.default_rng(0)
        points = [tuple(point) for point in generator.integers(0, 12, (40, 2)) / 12]
        expected = {
            (cost, accuracy)
            for cost, accuracy in points
            if not any(
                (c <= cost and a >= accuracy and (c, a) != (cost, accuracy)) for c, a in points
            )
        }
        front = [points[index] for index in pareto_front(points)]
        self.assertEqual(set(front), expected)
        self.assertEqual(front, sorted(expected))

    def test_of_equal_points_the_first_is_on_the_front(self):
        self.assertEqual(pareto_front([(0.5, 0.5), (0.5, 0.5)]), [0])

    def test_hypervolume_is_the_area_below_the_steps(self):
        # By hand: 0.5 from 0.2 to 0.5, 0.8 from there to 1; what costs 1 adds nothing.
        self.assertAllClose(hypervolume(POINTS), 0.3 * 0.5 + 0.5 * 0.8)

    def test_hypervolume_is_the_mean_of_the_best_within_random_budgets(self):
        budgets = (np.arange(100_000) + 0.5) / 100_000
        best = [max([a for c, a in POINTS if c <= budget], default=0) for budget in budgets]
        self.assertAllClose(hypervolume(POINTS), np.mean(best), atol=1e-4)

    @parameterized.parameters(([], 0.0), ([(1.2, 0.9)], 0.0), ([(0.0, 0.7)], 0.7))
    def test_hypervolume_of(self, points, expected):
        self.assertAllClose(hypervolume(points), expected)

    @parameterized.parameters((0.2, 0.5), (0.35, 0.65), (0.75, 0.85), (2.0, 0.9))
    def test_accuracy_at_a_cost_is_that_of_a_mixture(self, cost, expected):
        self.assertAllClose(accuracy_at(POINTS, cost), expected)

    def test_no_accuracy_below_the_cheapest(self):
        self.assertEqual(accuracy_at(POINTS, 0.1), -np.inf)


if __name__ == "__main__":
    tf.test.main()
