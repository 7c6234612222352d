""""""

import math

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.report.claims import judge_choice, judge_distributions, judge_levels, judge_sizes


class JudgeLevelsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.72]}, True),
        ({2: [0.7], 3: [0.72], 4: [0.71], 5: [0.70]}, False),
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.74]}, False),
        ({2: [0.7], 3: [0.71], 4: [0.73], 5: [0.73]}, False),  # As high is not lower.
        ({2: [0.7], 3: [0.7], 4: [0.73], 5: [0.72]}, False),
        ({3: [0.7, 0.6], 4: [0.68, 0.66], 5: [0.7, 0.5]}, True),  # Means: 65 %, 67 %, 60 %.
        ({5: [0.72], 2: [0.7], 4: [0.73], 6: [0.74]}, True),  # Nothing is said of six.
    )
    def test_it_rises_up_to_four_and_falls_at_five(self, accuracies, holds):
        self.assertIs(judge_levels(accuracies, "cats").holds, holds)

    @parameterized.parameters(
        ({2: [0.7], 3: [0.71], 4: [0.73]}, "5 levels"),
        ({2: [0.7], 3: [0.71]}, "4 levels and 5 levels"),
        ({4: [0.7], 5: [0.6]}, "fewer than 4 levels"),
        ({3: [0.7], 4: [0.8], 5: [0.7, math.nan]}, "5 levels"),
    )
    def test_what_was_not_measured_is_said(self, accuracies, missing):
        verdict = judge_levels(accuracies, "cats")
        self.assertIsNone(verdict.holds)
        self.assertStartsWith(str(verdict), f"cats: not measured here ({missing} missing). Acc")
        self.assertNotIn("nan", str(verdict))

    def test_the_numbers_are_beside_it(self):
        accuracies = {2: [0.7, 0.72], 3: [0.7, 0.7], 4: [0.7, 0.7], 5: [0.7, 0.7]}
        verdict = str(judge_levels(accuracies, "cats"))
        self.assertStartsWith(verdict, "cats: does not hold here. ")
        self.assertIn("71.00 ± 1.41 % with 2, 70.00 ± 0.00 % with 3", verdict)
        self.assertEndsWith(verdict, " with 5 levels.")


class JudgeSizesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({2: [0.5], 3: [0.4], 4: [0.3]}, True),
        ({2: [0.5], 3: [0.4], 4: [0.4]}, False),
        ({5: [0.3], 2: [0.4, 0.5]}, True),  # In the order of levels, not of the dict.
        ({4: [0.5]}, None),
    )
    def test_sizes_must_fall_with_every_level(self, macs, holds):
        self.assertIs(judge_sizes(macs, "cats").holds, holds)


class JudgeDistributionsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.67, 0.66, True), (0.67, 0.69, False), (0.71, 0.5, False))
    def test_the_others_must_end_two_points_lower(self, uniform, random, holds):
        initial = {"proposed": [0.7], "uniform": [uniform], "random": [random]}
        self.assertIs(judge_distributions(initial, initial, "cats").holds, holds)

    @parameterized.parameters(
        ({"proposed": [0.7]}, "uniform and random"),
        ({"proposed": [0.7], "random": [0.6]}, "uniform"),
        ({"uniform": [0.7], "random": [0.6]}, "proposed"),
        ({"proposed": [0.7], "uniform": [0.6], "random": [math.nan]}, "random"),
        ({"proposed": [math.nan], "uniform": [0.6], "random": [0.6]}, "proposed"),
    )
    def test_what_was_not_measured_is_said(self, initial, missing):
        final = dict.fromkeys(initial, [0.8])
        verdict = judge_distributions(initial, final, "cats")
        self.assertIsNone(verdict.holds)
        self.assertStartsWith(str(verdict), f"cats: not measured here ({missing} missing).")
        self.assertNotIn("nan", str(verdict))

    def test_the_numbers_are_beside_it(self):
        initial = {"proposed": [0.7, 0.72], "uniform": [0.68, 0.68], "random": [0.72, 0.73]}
        final = {"proposed": [0.8, 0.8], "uniform": [0.79, 0.79], "random": [0.8, 0.8]}
        verdict = str(judge_distributions(initial, final, "cats"))
        self.assertIn("uniform 3.0 points lower, random 1.5 points higher.", verdict)
        self.assertIn("uniform 68.00 ± 0.00 % then, 79.00 ± 0.00 % at the end", verdict)


def _policy(top, entropy, models=9):
    return {"top_models": [{"share": top}], "entropy": entropy, "distinct_models": models}


class JudgeChoiceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((0.3, 2.0, True), (1.0, 0.0, False), (0.02, 4.0, False))
    def test_neither_deterministic_nor_uniform(self, top, entropy, holds):
        self.assertIs(judge_choice([_policy(top, entropy)], 4.1, "cats").holds, holds)

    def test_one_seed_is_told_as_it_is(self):
        self.assertEqual(
            str(judge_choice([_policy(1.0, 0.0, models=1)], 4.1, "cats")),
            "cats: does not hold here. 1 model, 100.0 % of the images on the most used; entropy "
            "0.00 nats of at most 4.10.",
        )

    def test_every_seed_is_judged(self):
        policies = [_policy(0.3, 2.0, 8), _policy(0.5, 1.0, 5), _policy(1.0, 0.0, 1)]
        verdict = judge_choice(policies, 4.1, "cats")
        self.assertIs(verdict.holds, False)
        self.assertEqual(
            verdict.numbers,
            "2 of 3 seeds hold: 4.7 ± 3.5 models, 60.0 ± 36.1 % of the images on the most used; "
            "entropy 1.00 ± 1.00 nats of at most 4.10.",
        )
        self.assertIs(judge_choice(policies[:2], 4.1, "cats").holds, True)


if __name__ == "__main__":
    tf.test.main()
