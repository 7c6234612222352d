import os

import keras
import tensorflow as tf

from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise


class ElasticNetworkTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.network = ElasticNetwork(TASKS, backbone="wrn-8-1")
        randomise(self.network)
        self.images = {task: random_images(task, 5) for task in TASKS}

    def test_a_dict_of_tasks_gives_a_dict_of_logits(self):
        logits = self.network(self.images)
        self.assertEqual({task: x.shape[1] for task, x in logits.items()}, {"grey": 3, "colour": 4})

    def test_logits_are_those_of_the_levels_returned(self):
        outputs = self.network(self.images, return_levels=True)["grey"]
        expected = self.network.estimator(
            self.images["grey"], levels=outputs["levels"], task="grey"
        )
        self.assertAllClose(outputs["logits"], expected, atol=1e-5)

    def test_levels_are_the_selectors_most_likely(self):
        logits = self.network.selector(self.images["grey"], task="grey").numpy()
        self.assertAllEqual(
            self.network.select_levels(self.images["grey"], "grey"), logits.argmax(-1)
        )

    def test_predict_returns_levels_on_request(self):
        logits = self.network.predict(self.images, verbose=0)
        outputs = self.network.predict(self.images, return_levels=True, verbose=0)
        self.assertAllClose(logits["grey"], outputs["grey"]["logits"], atol=1e-5)
        self.assertEqual(outputs["colour"]["levels"].shape, (5, 3))
        self.assertAllClose(self.network.predict(self.images, verbose=0)["grey"], logits["grey"])

    def test_selector_is_in_the_total(self):
        table = self.network.cost_table("grey")
        with_selector = int(table.macs([[3, 3, 3]])[0])
        self.assertEqual(with_selector - table.full_macs, self.network.selector.macs("grey"))

    def test_save_and_load_gives_the_same_numbers(self):
        path = os.path.join(self.get_temp_dir(), "network.keras")
        self.network.save(path)
        loaded = keras.saving.load_model(path)
        self.assertAllEqual(
            loaded.predict(self.images, verbose=0)["colour"],
            self.network.predict(self.images, verbose=0)["colour"],
        )

    def test_images_without_a_task_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`inputs` must be a dict"):
            self.network(self.images["grey"])

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .* Received: task=blue"):
            self.network({"blue": self.images["grey"]})


if __name__ == "__main__":
    tf.test.main()
