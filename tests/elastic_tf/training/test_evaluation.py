import numpy as np
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.training.evaluation import evaluate_task
from tests.testing import TASKS, random_batch, randomise


class EvaluateTaskTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(self.network)
        self.images, self.labels = (x.numpy() for x in random_batch(batch=24)["grey"])
        self.batches = [(self.images[:16], self.labels[:16]), (self.images[16:], self.labels[16:])]
        self.results = evaluate_task(self.network, self.batches, "grey", shuffles=3)

    def _accuracy(self, levels):
        logits = self.network.estimator(self.images, levels=levels, task="grey").numpy()
        return (logits.argmax(-1) == self.labels).mean()

    def test_selector_accuracy_is_that_of_its_levels(self):
        levels = self.network.select_levels(self.images, "grey")
        self.assertAllClose(self.results["accuracy"]["selector"], self._accuracy(levels))

    def test_uniform_levels_are_measured(self):
        for level in range(4):
            self.assertAllClose(
                self.results["accuracy"][f"level_{level}"], self._accuracy([[level] * 3] * 24)
            )
        self.assertEqual(self.results["accuracy"]["full"], self.results["accuracy"]["level_3"])

    def test_shuffled_deals_the_selectors_own_models(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        orders = [np.random.default_rng([0, k]).permutation(24) for k in range(3)]
        expected = np.mean([self._accuracy(levels[order]) for order in orders])
        self.assertAllClose(self.results["accuracy"]["shuffled"], expected)

    def test_costs_are_means_over_images(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        widths = np.array([0, 0.25, 0.5, 1.0])
        self.assertAllClose(self.results["density"], widths[levels].mean())
        macs = self.network.cost_table("grey").macs(levels).numpy()
        self.assertAllClose(self.results["macs_share"], macs.mean() / self.results["full_macs"])

    def test_models_are_counted(self):
        levels = self.network.select_levels(self.images, "grey").numpy()
        models = [tuple(row) for row in levels.tolist()]
        self.assertEqual(self.results["distinct_models"], len(set(models)))
        top = self.results["top_models"][0]
        self.assertAllClose(top["share"], models.count(tuple(top["levels"])) / 24)
        self.assertEqual(top["share"], max(model["share"] for model in self.results["top_models"]))

    def test_no_images_are_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one image of task 'grey'"):
            evaluate_task(self.network, [], "grey")


if __name__ == "__main__":
    tf.test.main()
