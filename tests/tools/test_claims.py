import tensorflow as tf
from absl.testing import parameterized

from tools.claims import judge_choice, judge_distributions, judge_levels, judge_sizes


class JudgeLevelsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.72]}, True),
        ({2: [0.7], 3: [0.72], 4: [0.71], 5: [0.70]}, False),
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.74]}, False),
        ({3: [0.7, 0.6], 4: [0.68, 0.66]}, True),  # Means count: 65 %, 67 %.
        ({4: [0.7]}, False),  # One number of levels shows nothing.
    )
    def test_it_rises_up_to_four_and_falls_at_five(self, accuracies, holds):
        self.assertEqual(judge_levels(accuracies, "cats").holds, holds)

    def test_the_numbers_are_beside_it(self):
        verdict = str(judge_levels({2: [0.7, 0.72], 3: [0.7, 0.7]}, "cats"))
        self.assertStartsWith(verdict, "cats: does not hold here. ")
        self.assertIn("71.00 ± 1.41 % with 2, 70.00 ± 0.00 % with 3 levels", verdict)


class JudgeSizesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({2: [0.5], 3: [0.4], 4: [0.3]}, True),
        ({2: [0.5], 3: [0.4], 4: [0.4]}, False),
        ({5: [0.3], 2: [0.4, 0.5]}, True),  # In the order of levels, not of the dict.
        ({4: [0.5]}, False),
    )
    def test_sizes_must_fall_with_every_level(self, macs, holds):
        self.assertEqual(judge_sizes(macs, "cats").holds, holds)


class JudgeDistributionsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.67, 0.66, True), (0.67, 0.69, False), (0.71, 0.5, False))
    def test_the_others_must_end_two_points_lower(self, uniform, random, holds):
        initial = {"proposed": [0.7], "uniform": [uniform], "random": [random]}
        self.assertEqual(judge_distributions(initial, initial, "cats").holds, holds)

    def test_without_the_others_it_does_not_hold(self):
        self.assertFalse(judge_distributions({"proposed": [0.7]}, {"proposed": [0.7]}, "a").holds)

    def test_the_numbers_are_beside_it(self):
        initial = {"proposed": [0.7, 0.72], "uniform": [0.68, 0.68]}
        final = {"proposed": [0.8, 0.8], "uniform": [0.79, 0.79]}
        verdict = str(judge_distributions(initial, final, "cats"))
        self.assertIn("uniform 3.0 points lower", verdict)
        self.assertIn("uniform 68.00 ± 0.00 % then, 79.00 ± 0.00 % at the end", verdict)


class JudgeChoiceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.3, 2.0, True), (1.0, 0.0, False), (0.02, 4.0, False))
    def test_neither_deterministic_nor_uniform(self, top, entropy, holds):
        policy = {"top_models": [{"share": top}], "entropy": entropy, "distinct_models": 9}
        self.assertEqual(judge_choice(policy, 4.1, "cats").holds, holds)


if __name__ == "__main__":
    tf.test.main()
