"""Tests of the network that a training starts with."""

import pathlib
import tempfile

import keras
import keras_tuner
import numpy as np
import pytest

from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.standalone import standalone_network
from elastic_tf.pretrained.initial_network import backbone_of, initial_network
from elastic_tf.training.checkpoints import load_network
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.settings import MethodSettings
from elastic_tf.tuning import ElasticHyperModel, Objective, SearchSpace
from tests import testing
from tests.testing import TASKS, random_images, randomise

GREY = {"grey": TASKS["grey"]}
BOTH = GREY | {"colour": TASKS["colour"]}
METHOD = MethodSettings(freeze="trunk")


@pytest.mark.slow
class InitialNetworkTest(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _plain_file(self):
        """Returns a file of a standalone network of as many classes as the task has, and it."""
        grey = TASKS["grey"]
        plain = standalone_network(
            grey["image_shape"], grey["num_classes"], "resnet-10-4", [4, 8, 16, 32], trunk_size=4
        )
        randomise(plain)
        plain.save(self.folder / "plain.keras")
        return str(self.folder / "plain.keras"), plain

    def _run_folder(self):
        network = DeepElasticNetwork(GREY, backbone="wrn-8-1", ratios=(0.0, 1.0), trunk_size=4)
        network.save(self.folder / "model.keras")
        return str(self.folder), network

    def test_without_a_start_it_is_new(self):
        network = NetworkSettings(backbone="wrn-8-1", trunk_size=4)
        made, method = initial_network(GREY, network, METHOD, seed=3)
        keras.utils.set_random_seed(3)
        expected = DeepElasticNetwork(GREY, **network.arguments(), seed=3)
        for ours, theirs in zip(made.get_weights(), expected.get_weights(), strict=True):
            self.assertAllEqual(ours, theirs)
        self.assertEqual((made.seed, method, backbone_of(network)), (3, METHOD, "wrn-8-1"))

    def test_from_a_plain_network_it_has_that_ones_backbone_and_answers(self):
        path, plain = self._plain_file()
        network = NetworkSettings(init_from=path, num_levels=3, trunk_size=4)
        made, method = initial_network(GREY, network, METHOD)
        self.assertEqual((made.backbone, backbone_of(network)), ("resnet-10-4", "resnet-10-4"))
        self.assertEqual((made.num_levels, method), (3, METHOD))
        images = random_images("grey")
        self.assertAllClose(made.estimator(images, task="grey"), plain(images), atol=1e-4)

    def test_a_named_source_is_not_built_for_its_backbone(self):
        for start in ("resnet50v2", "resnet50v2=none"):
            self.assertEqual(backbone_of(NetworkSettings(init_from=start)), "resnet50v2")

    def test_from_a_run_it_has_further_tasks_and_freezes_the_old_ones(self):
        path, old = self._run_folder()
        network = NetworkSettings(init_from=path)
        made, method = initial_network(BOTH, network, METHOD)
        self.assertEqual(list(made.tasks), ["grey", "colour"])
        self.assertEqual(method, MethodSettings(freeze="trunk", frozen_tasks=("grey",)))
        self.assertEqual(backbone_of(network), "wrn-8-1")
        images = random_images("grey")
        self.assertAllEqual(made.estimator(images, task="grey"), old.estimator(images, task="grey"))
        _, method = initial_network(BOTH, network, MethodSettings())
        self.assertEqual(method, MethodSettings())
        with self.assertRaisesRegex(ValueError, "`tasks` must have those of .*, grey. Received"):
            initial_network({"colour": TASKS["colour"]}, network, METHOD)
        made, _ = initial_network(GREY, network, MethodSettings())
        self.assertEqual(list(made.tasks), ["grey"])
        with self.assertRaisesRegex(ValueError, "`tasks` must have one beside .* Received: grey"):
            initial_network(GREY, network, METHOD)

    def test_from_a_run_heads_in_the_trunk_may_take_the_place_of_its_selector(self):
        path, old = self._run_folder()
        network = NetworkSettings(init_from=path, selector="trunk")
        made, _ = initial_network(GREY, network, MethodSettings())
        self.assertEqual((old.selector_kind, made.selector_kind), ("network", "trunk"))
        with self.assertRaisesRegex(ValueError, "`selector` must be left out .* selector=trunk"):
            initial_network(BOTH, network, METHOD)

    def test_from_a_run_its_settings_are_left_out_or_the_same(self):
        path, old = self._run_folder()
        self.assertEqual(old.trunk_size, 4)
        for others in ({"trunk_size": 4}, {"ratios": old.ratios}):
            initial_network(GREY, NetworkSettings(init_from=path, **others), MethodSettings())
        for name, value in {"trunk_size": 5, "num_levels": 3, "ratios": (0.0, 0.3, 1.0)}.items():
            network = NetworkSettings(init_from=path, **{name: value})
            with self.assertRaisesRegex(ValueError, f"`{name}` must be left out .* {name}="):
                initial_network(GREY, network, MethodSettings())

    def test_a_backbone_beside_a_start_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`backbone` must be left out .* backbone=wrn-8-1"):
            NetworkSettings(backbone="wrn-8-1", init_from="x.keras")
        self.assertIsNone(NetworkSettings(init_from="x.keras").backbone)

    def test_a_search_varies_what_it_starts_from(self):
        path, _ = self._plain_file()
        network = NetworkSettings(init_from=path, trunk_size=4)
        space = SearchSpace({"ratios": None}, network, ratios_per_stage=True)
        hypermodel = ElasticHyperModel(GREY, space, Objective("hypervolume"))
        hp = keras_tuner.HyperParameters()
        hypermodel.declare_hyperparameters(hp)
        # Four stages of one block each; the paper's levels below full are those above level 0.
        self.assertLen([name for name in hp.values if name.startswith("stage_")], 4 * 2)
        hp.values |= {name: 0.5 for name in hp.values} | {"stage_2_narrowing_1": 0.75}
        built = hypermodel.build(hp)
        self.assertEqual(built.backbone, "resnet-10-4")
        ratios = [[0, 0.25, 0.5, 1]] * 4
        ratios[1] = [0, 0.375, 0.75, 1]
        self.assertAllClose(np.array(built.estimator.ratios), ratios)

    def test_a_search_does_not_vary_the_network_of_a_run(self):
        network = NetworkSettings(init_from=self._run_folder()[0])
        with self.assertRaisesRegex(ValueError, "`tune` must not hold settings of the network"):
            SearchSpace({"num_levels": None}, network)
        SearchSpace({"learning_rate": None}, network)

    def test_a_file_of_a_diverged_network_is_refused(self):
        path, network = self._run_folder()
        network.estimator.heads["grey"].linear.bias.assign(np.full(3, np.nan))
        network.save(path + "/model.keras")
        with self.assertRaisesRegex(
            ValueError, "Weights of .*model.keras must be finite. Received: .* with 3 of 3"
        ):
            load_network(path + "/model.keras")
        with self.assertRaisesRegex(ValueError, "Weights of .*model.keras must be finite"):
            initial_network(BOTH, NetworkSettings(init_from=path), METHOD)
