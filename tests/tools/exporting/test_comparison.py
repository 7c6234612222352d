import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer
from elastic_tf_tools.exporting.comparison import python_model, quality, size_in_bytes, time_ratios

from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_images, randomise


class ComparisonTest(tf.test.TestCase):
    def test_the_python_model_answers_as_the_network(self):
        network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(network)
        images = random_images("grey", 5)
        answer = python_model(network, "grey")(images)
        expected = network(images, task="grey", return_levels=True)
        self.assertAllEqual(answer["levels"], expected["levels"])
        self.assertAllEqual(answer["classes"], np.argmax(expected["logits"], -1))

    def test_the_manifest_does_not_count(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "assets").mkdir()
            (folder / "model").write_bytes(b"x" * 70)
            (folder / "assets" / "more").write_bytes(b"x" * 5)
            (folder / "assets" / "export.json").write_bytes(b"x" * 1000)
            self.assertEqual(size_in_bytes(folder), 75)

    def test_quality_is_the_mean_over_images_not_batches(self):
        answers = iter(
            [
                {"classes": np.array([1, 2, 3]), "macs": np.array([10, 20, 30])},
                {"classes": np.array([4]), "macs": np.array([100])},
            ]
        )
        batches = [(None, np.array([1, 0, 3])), (None, np.array([0]))]
        found = quality(lambda images: next(answers), batches, full_macs=200)
        self.assertAllClose(found["accuracy"], 2 / 4)
        self.assertAllClose(found["macs_share"], 160 / 4 / 200)

    def test_times_are_multiples_of_the_reference(self):
        now = [0.0]

        def taking(seconds):
            def predict(images):
                now[0] += seconds * len(images)

            return predict

        timer = InterleavedTimer(0, min_rounds=3, clock=lambda: now[0])
        predictors = {"python": taking(2.0), "fast": taking(0.5), "slow": taking(3.0)}
        ratios, seconds = time_ratios(predictors, np.zeros(4), timer)
        self.assertAllClose(ratios, {"python": 1.0, "fast": 0.25, "slow": 1.5})
        self.assertAllClose(seconds, 8.0)


if __name__ == "__main__":
    tf.test.main()
