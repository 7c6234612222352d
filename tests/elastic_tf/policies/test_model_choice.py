"""Tests of how a user says which model images run on."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.model_choice import ModelChoice, parse_choice
from tests import testing
from tests.testing import TASKS, random_images, randomise

SIZE = {"num_blocks": 3, "num_levels": 4}


class ModelChoiceTest(testing.TestCase):
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

    def test_it_gives_the_levels_of_images(self):
        network = randomise(ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4))
        network.calibrations = {"grey": BudgetCalibration([0.2, 0.9], [1e4, -1e4])}
        images = tf.constant(random_images("grey", 5))
        own = network.selector(images, task="grey").numpy().argmax(-1)
        for choice, expected in (
            (ModelChoice(), own),
            (ModelChoice(levels=(1, 0, 2)), np.tile([1, 0, 2], (5, 1))),
            (ModelChoice(budget=0.2), np.zeros((5, 3))),
            (ModelChoice(budget=0.9), np.full((5, 3), 3)),
        ):
            self.assertAllEqual(choice.of(network, "grey")(images), expected)
