""""""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.evaluation.answers import Answers
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.model_choice import ModelChoice, parse_choice
from tests.testing import TASKS, random_images, randomise

SIZE = {"num_blocks": 3, "num_levels": 4}


class ModelChoiceTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ((None, None, None), ModelChoice(), "the selector's choice"),
        (("3-0-1", None, None), ModelChoice(levels=(3, 0, 1)), "model 3-0-1"),
        ((None, 0, None), ModelChoice(levels=(0, 0, 0)), "model 0-0-0"),
        (
            (None, None, 0.4),
            ModelChoice(budget=0.4),
            "the selector's choice at a budget of 40 % MACs",
        ),
    )
    def test_what_the_flags_say(self, values, choice, name):
        parsed = parse_choice(*values, **SIZE)
        self.assertEqual(parsed, choice)
        self.assertEqual(str(parsed), name)

    @parameterized.parameters(
        (("3-0-1", 2, None), "Only one of .* Received: levels=3-0-1, level=2$"),
        ((None, 0, 0.4), "Only one of .* Received: level=0, budget=0.4$"),
        (("3-0", None, None), r"`--levels` must be 3 numbers.*\(0-0-0\). Received: levels=3-0$"),
        (("3,0,1", None, None), "`--levels` must be 3 numbers.*Received: levels=3,0,1$"),
        (("", None, None), "`--levels` must be 3 numbers"),
        (("3-0-4", None, None), r"`--levels` must be in \[0, 4\).*Received: levels=3-0-4$"),
        ((None, 4, None), r"`--level` must be in \[0, 4\).*Received: level=4$"),
    )
    def test_what_does_not_fit_is_refused(self, values, message):
        with self.assertRaisesRegex(ValueError, message):
            parse_choice(*values, **SIZE)

    @parameterized.parameters(ModelChoice(), ModelChoice(levels=(1, 0, 2)), ModelChoice(budget=0.4))
    def test_both_ways_to_choose_agree(self, choice):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1", ratios=(0.0, 0.5, 1.0), trunk_size=4)
        randomise(network)
        network.calibrations = {"grey": BudgetCalibration([0.2, 0.9], [2.0, -2.0])}
        images = tf.constant(random_images("grey", 40))
        levels = choice.of(network, "grey")(images).numpy()
        answers = Answers(network, [(images, np.zeros(40))], "grey")
        found = np.broadcast_to(choice.on(answers, network, "grey"), (40, 3))
        # One image may be undecided between two levels, as both ways round differently.
        self.assertGreaterEqual(np.mean(np.all(found == levels, axis=1)), 39 / 40)
        if choice.levels is None:
            self.assertGreater(len(np.unique(levels, axis=0)), 1)
        else:
            self.assertAllEqual(levels, np.tile([1, 0, 2], (40, 1)))

    def test_a_budget_changes_the_choice(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(network)
        network.calibrations = {"grey": BudgetCalibration([0.2, 0.9], [1e4, -1e4])}
        images = tf.constant(random_images("grey", 5))
        for budget, level in ((0.2, 0), (0.9, 3)):
            levels = ModelChoice(budget=budget).of(network, "grey")(images)
            self.assertAllEqual(levels, np.full((5, 3), level))


if __name__ == "__main__":
    tf.test.main()
