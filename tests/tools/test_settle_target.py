import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools.settle_target import settle_target

import pipelines
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.settings import MethodSettings
from tests.testing import randomise
from tests.tools.finished_run import TASKS


def setUpModule():
    flags.FLAGS.mark_as_parsed()


def make_network(features="confident", **settings):
    network = DeepElasticNetwork(
        {"digits": TASKS["digits"]}, backbone="wrn-8-1", trunk_size=4, selector_features=features
    )
    randomise(network.selector)
    network.compile(settings=MethodSettings(**settings))
    return network


class SettleTargetTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.spec = pipelines.get_task("digits")

    def _share(self, network):
        shares = []
        for split in ("validation", "train"):
            batches = pipelines.eval_dataset(self.spec, split, 2000, validation_share=0.1)
            for images, _ in batches:
                levels = network.select_levels(images, "digits")
                shares.append(network.cost_table("digits").macs_share(levels))
        return float(np.mean(np.concatenate(shares)))

    @parameterized.parameters(0.6, 0.85)
    def test_the_choice_meets_the_target(self, target):
        network = make_network(target_macs=target)
        self.assertGreater(abs(self._share(network) - target), 0.01)
        self.assertEqual(set(settle_target(network, [self.spec], True)), {"digits"})
        self.assertAllClose(self._share(network), target, atol=0.01)

    @parameterized.parameters(
        ({"target_macs": None}, True),
        ({"target_macs": 0.5}, False),
        ({"target_macs": {"clothes": 0.5}}, True),
        ({"target_macs": 0.5, "features": "pooled"}, True),
    )
    def test_without_what_it_needs_nothing_changes(self, settings, has_validation):
        network = make_network(**settings)
        before = [np.array(weight) for weight in network.selector.weights]
        self.assertEmpty(settle_target(network, [self.spec], has_validation))
        for old, new in zip(before, network.selector.weights, strict=True):
            self.assertAllEqual(old, new)


if __name__ == "__main__":
    tf.test.main()
