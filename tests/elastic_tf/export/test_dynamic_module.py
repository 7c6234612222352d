"""Tests of the dynamic module."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.export.dynamic_module import DynamicModule, served_answers
from tests.elastic_tf.export.small_exports import exported, small_network
from tests.testing import random_images


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


@pytest.mark.slow
class DynamicModuleTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = small_network()
        cls.loaded = tf.saved_model.load(exported("dynamic_saved_model"))

    def _check(self, served, images, task, budget=None):
        expected = self.network(
            images.astype(np.float32),
            task=task,
            return_levels=True,
            budget=budget,
            policy="selector",
        )
        self.assertAllEqual(served["levels"], expected["levels"])
        probabilities = tf.nn.softmax(expected["logits"])
        self.assertAllClose(served["probabilities"], probabilities, rtol=0, atol=1e-5)
        self.assertAllEqual(served["classes"], tf.argmax(expected["logits"], -1))
        macs = self.network.cost_table(task).macs(expected["levels"])
        self.assertAllEqual(served["macs"], macs)

    @parameterized.parameters(("grey", "grey"), ("colour", "colour"), ("serving_default", "grey"))
    def test_a_signature_answers_as_the_network(self, signature, task):
        images = random_images(task, 9)
        self._check(self.loaded.signatures[signature](images=tf.constant(images)), images, task)

    @parameterized.parameters(0.2, 0.9)
    def test_a_budget_is_kept_to(self, budget):
        images = random_images("grey", 20)
        signature = self.loaded.signatures["grey_at_budget"]
        served = signature(images=tf.constant(images), budget=tf.constant(budget))
        self._check(served, images, "grey", budget)
        self.assertAllEqual(
            self.loaded.predict_grey(images, budget=budget)["levels"], served["levels"]
        )

    def test_budget_0_is_the_selectors_own_choice_and_the_default(self):
        images = random_images("grey", 20)
        self._check(self.loaded.predict_grey(images), images, "grey")
        self._check(self.loaded.predict_grey(images, budget=0.0), images, "grey")

    @parameterized.parameters(-0.5, 1.01, float("nan"))
    def test_other_budgets_are_refused(self, budget):
        images = random_images("grey", 2)
        fault = r"`budget` must be in \[0, 1\]. Received"
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, fault):
            self.loaded.predict_grey(images, budget=budget)
        signature = self.loaded.signatures["grey_at_budget"]
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, fault):
            signature(images=tf.constant(images), budget=tf.constant(budget))

    def test_a_default_budget_can_be_set(self):
        module = DynamicModule(self.network, ["grey"], budget=0.2, policy="selector")
        images = random_images("grey", 20)
        self._check(module.predict_grey(images, budget=0.9), images, "grey", 0.9)
        self._check(module.predict_grey(images, budget=0.0), images, "grey")
        self._check(module.predict_grey(images), images, "grey", 0.2)
        self._check(module.signatures()["grey"](images), images, "grey", 0.2)

    @parameterized.parameters(0, 1, 5)
    def test_an_images_answer_does_not_depend_on_its_batch(self, size):
        images = random_images("colour", 8)
        whole = self.loaded.signatures["colour"](images=tf.constant(images))
        part = self.loaded.signatures["colour"](images=tf.constant(images[:size]))
        self.assertEqual(part["probabilities"].shape, (size, 4))
        self.assertEqual(part["macs"].shape, (size,))
        self.assertAllEqual(part["levels"], whole["levels"][:size])
        self.assertAllClose(part["probabilities"], whole["probabilities"][:size], rtol=0, atol=1e-5)

    def test_threads_get_their_own_answers(self):
        batches = [random_images("grey", 1 + seed % 5, seed) for seed in range(16)]
        signature = self.loaded.signatures["grey"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda images: signature(images=tf.constant(images)), batches))
        served = {name: np.concatenate([each[name] for each in answers]) for name in answers[0]}
        self._check(served, np.concatenate(batches), "grey")

    def test_tasks_without_a_calibration_take_no_budget(self):
        self.assertNotIn("colour_at_budget", self.loaded.signatures)
        with self.assertRaisesRegex(ValueError, "`budget` must be None.*colour. Received"):
            DynamicModule(self.network, budget=0.5, policy="selector")
        with self.assertRaisesRegex(ValueError, r"`budget` must be a number in \(0, 1\]"):
            DynamicModule(self.network, ["grey"], budget=1.5)

    def test_constants_are_saved_once(self):
        module = DynamicModule(self.network, ["grey"])
        function = module.signatures()["grey"].get_concrete_function()
        weights = sum(
            tf.make_ndarray(node.attr["value"].tensor).size
            for node in function.graph.as_graph_def().node
            if node.op == "Const"
        )
        self.assertLess(weights, 1000)
