"""Tests of the selector."""

import numpy as np
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.selector import Selector
from tests import testing
from tests.testing import TASKS, profiler_macs, random_images, randomise

INIT_KWARGS = {"tasks": TASKS, "backbone": "wrn-8-1", "num_blocks": 3, "num_levels": 4}


class SelectorTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.selector = randomise(Selector(**INIT_KWARGS))

    def test_a_choice_does_not_depend_on_the_batch(self):
        def call(images):
            return self.selector(images, task="colour")

        self.assertEqual(call(random_images("colour", 5)).shape, (5, 3, 4))
        self.run_batch_independence_test(call, random_images("colour", 5))

    @parameterized.parameters(("grey", "colour"), ("colour", "grey"))
    def test_offsets_belong_to_a_task(self, task, other):
        images = random_images(task, 2)
        before = self.selector(images, task=task)
        self.selector.scores.offsets[other].assign_add(np.ones(12))
        self.assertAllEqual(self.selector(images, task=task), before)
        self.selector.scores.offsets[task].assign_add(np.ones(12))
        self.assertAllClose(self.selector(images, task=task), before + 1, atol=1e-5)

    def test_task_variables_leave_out_other_tasks(self):
        names = [v.path for v in self.selector.task_variables("grey")]
        self.assertFalse([name for name in names if "colour" in name])
        self.assertTrue([name for name in names if "grey" in name])

    @parameterized.parameters("pooled", "normalised", "confident")
    def test_macs_are_what_tensorflow_counts(self, features):
        selector = Selector(**INIT_KWARGS, features=features)

        def call(images, training):
            return selector(images, task="colour", training=training)

        call.input_shape = (None, *TASKS["colour"]["image_shape"])
        self.assertEqual(selector.macs("colour"), profiler_macs(call))

    def test_it_costs_about_5_percent_of_wrn_32_4(self):
        tasks = {"cifar100": {"image_shape": (32, 32, 3), "num_classes": 100}}
        full = Estimator(tasks, backbone="wrn-32-4").cost_table("cifar100").full_macs
        self.assertLess(Selector(tasks, backbone="wrn-32-4").macs("cifar100") / full, 0.05)

    @parameterized.parameters(("pooled", None), ("confident", (4, 3)))
    def test_the_guess_comes_on_request(self, features, shape):
        selector = Selector(**INIT_KWARGS, features=features)
        images = random_images("grey", 4)
        logits, guess = selector(images, task="grey", return_guess=True)
        self.assertAllEqual(logits, selector(images, task="grey"))
        self.assertEqual(guess if guess is None else tuple(guess.shape), shape)
        self.assertEqual(bool(selector.guess_variables("grey")), guess is not None)

    def test_config_and_bad_arguments(self):
        changes = {"hidden_ratio": 0.5, "trunk_size": 4, "momentum": 0.5, "features": "pooled"}
        self.run_config_test(Selector, INIT_KWARGS | changes)
        self.run_refusal_test(Selector, INIT_KWARGS, "hidden_ratio", 0.0)
