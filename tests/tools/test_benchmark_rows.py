import dataclasses
import time

from elastic_tf_tools.benchmark_rows import (
    inference_candidates,
    input_rows,
    training_candidates,
)
from elastic_tf_tools.benchmark_subject import Subject, random_network, random_subject
from elastic_tf_tools.timing import InterleavedTimer, Row

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf import DeepElasticNetwork, NetworkSettings
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR
from tests.testing import TASKS, random_batch, randomise

BATCH = 4
LOOK = SecondLook((0, 1, 0), (2, 1, 2), 0.0)  # It is of no image, if it is not made to be.


def small_subject(seed=0):
    """Returns a `Subject` of 5 images of 11 by 9 pixels, with random weights throughout."""
    network = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=5, ratios=(0.0, 0.5, 1.0))
    randomise(network.estimator)
    randomise(network.selector, seed=1)
    network.second_looks["colour"] = SecondLookCalibration([0.1], [LOOK], [0.5])
    images, labels = random_batch(["colour"], batch=5, seed=seed)["colour"]
    return Subject(network, "colour", images.numpy(), labels.numpy(), True, seed)


@pytest.mark.slow
class SubjectTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = small_subject()

    def test_a_batch_repeats_the_images_until_it_is_full(self):
        images, labels = self.subject.batch(12)
        self.assertAllEqual(images[5:10], self.subject.images)
        self.assertAllEqual(images[10:], self.subject.images[:2])
        self.assertAllEqual(labels[:5], self.subject.labels)

    def test_random_levels_are_fixed_by_the_seed(self):
        levels = self.subject.random_levels(50)
        self.assertAllEqual(levels, self.subject.random_levels(50))
        self.assertNotAllEqual(levels, small_subject(seed=2).random_levels(50))
        self.assertAllEqual(np.unique(levels), [0, 1, 2])

    def test_a_random_network_gets_random_images_and_norms(self):
        network = random_network(NetworkSettings("wrn-8-1"), image_size=8, seed=0)
        weights = network.estimator.weights + network.selector.weights
        vectors = [weight for weight in weights if len(weight.shape) == 1]
        before = [np.array(vector) for vector in vectors]
        subject = random_subject(network, 50, seed=0)
        self.assertEqual(subject.task, "random")
        self.assertEqual((subject.images.shape, subject.images.dtype), ((50, 8, 8, 3), np.uint8))
        self.assertAllEqual(np.unique(subject.labels), range(10))
        for vector, start in zip(vectors, before, strict=True):  # Norms are moved a little.
            self.assertNotIn(0.0, np.array(vector) - start, vector.path)
            self.assertAllClose(vector, start, atol=0.11)

    def test_moved_variances_stay_positive_in_dead_and_nearly_dead_channels(self):
        network = random_network(NetworkSettings("wrn-8-1"), image_size=8, seed=0)
        weights = network.estimator.weights + network.selector.weights
        variances = [of for of in weights if of.name.endswith("moving_variance")]
        self.assertNotEmpty(variances)
        for variance in variances:
            variance.assign(np.resize([0.0, 1e-6, 1.0], variance.shape))
        random_subject(network, 50, seed=0)
        for variance in variances:
            self.assertAllGreater(variance, 0.0)

    def test_a_network_to_start_from_is_the_one_measured(self):
        settings = NetworkSettings(init_from="efficientnet-lite0=none")
        network = random_network(settings, image_size=32, seed=0)
        self.assertEqual((network.backbone, network.num_blocks), ("efficientnet-lite0", 15))

    @parameterized.parameters(INITIAL, ESTIMATOR, SELECTOR)
    def test_a_copy_has_the_weights_and_stays_in_its_stage(self, kind):
        network = self.subject.staged_copy(kind)
        for step in (int(network.step), 10**6):
            self.assertEqual(int(network.stages(step).kind), kind)
        for part in ("estimator", "selector"):
            weights = getattr(self.subject.network, part).weights
            for weight, copy in zip(weights, getattr(network, part).weights, strict=True):
                self.assertIsNot(copy, weight)
                self.assertAllEqual(copy, weight)


@pytest.mark.slow
class CandidatesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = small_subject()
        cls.table = cls.subject.network.cost_table("colour")
        cls.images, _ = cls.subject.batch(BATCH)
        cls.predict = inference_candidates(cls.subject, BATCH)
        cls.train = training_candidates(cls.subject, BATCH)

    def share(self, levels, extra=0):
        """Returns the mean MACs of level vectors over the full model's, summed block by block."""
        macs = [
            self.table.fixed_macs
            + extra
            + sum(self.table.block_macs[b][k] for b, k in enumerate(model))
            for model in np.asarray(levels)
        ]
        return np.mean(macs) / self.table.full_macs

    def test_every_candidate_is_there_and_dense_is_first(self):
        names = ["dense", "standalone_level_1", "standalone_level_0", "masked"]
        names += ["elastic_training_path_random"] + [f"elastic_level_{k}" for k in range(3)]
        names += ["elastic_random", "dense_frozen", "elastic_selected"]
        names += ["elastic_second_look", "elastic_seen_twice", "selector"]
        # On a GPU there is one row more.
        self.assertEqual([name for name in self.predict if name != "dense_jit"], names)
        stages = ("dense", "initial", "random", "distilled", "selected", "selector")
        self.assertEqual(list(self.train), [f"train_{stage}" for stage in stages])

    def test_the_selectors_choice_needs_a_trained_one(self):
        subject = dataclasses.replace(self.subject, is_trained=False)
        found = inference_candidates(subject, BATCH) | training_candidates(subject, BATCH)
        missing = {"elastic_selected", "elastic_second_look", "train_selected"}
        missing.add("elastic_seen_twice")
        self.assertEqual(set(self.predict | self.train) - set(found), missing)

    def test_a_selector_in_the_trunk_is_measured_against_its_levels_given(self):
        settings = NetworkSettings("wrn-8-1", num_levels=3, selector="trunk")
        subject = random_subject(random_network(settings, 8, seed=0), 6, seed=0)
        found = inference_candidates(subject, 4)
        self.assertNotIn("selector", found)
        self.assertGreater(found["elastic_selected"].macs_share, found["elastic_given"].macs_share)

    def test_without_a_selector_there_is_no_row_of_one(self):
        settings = NetworkSettings("wrn-8-1", num_levels=3, selector="none")
        subject = random_subject(random_network(settings, 8, seed=0), 6, seed=0)
        trained = dataclasses.replace(subject, is_trained=True)
        found = inference_candidates(trained, 4) | training_candidates(trained, 4)
        self.assertIn("train_distilled", found)
        self.assertEmpty([name for name in found if "select" in name])

    def test_shares_of_prediction(self):
        network, drawn = self.subject.network, self.subject.random_levels(BATCH)
        chosen = network.select_levels(self.images, "colour")
        macs = network.selector.macs("colour")
        expected = {
            "dense": 1.0,
            "masked": 1.0,
            "dense_frozen": 1.0,
            "standalone_level_1": self.share([[1] * 3]),
            "elastic_level_1": self.share([[1] * 3]),
            "elastic_level_0": self.share([[0] * 3]),
            "elastic_random": self.share(drawn),
            "elastic_training_path_random": self.share(drawn),
            "elastic_selected": self.share(chosen, macs),
            "elastic_second_look": self.share([LOOK.first]),
            # Nothing but the stem is kept.
            "elastic_seen_twice": self.share([LOOK.first])
            + self.share([LOOK.second])
            - (self.table.fixed_macs - self.table.head_macs) / self.table.full_macs,
            "selector": macs / self.table.full_macs,
        }
        for name, share in expected.items():
            self.assertAllClose(self.predict[name].macs_share, share, msg=name)

    def test_shares_of_training(self):
        shares = {name: candidate.macs_share for name, candidate in self.train.items()}
        least = self.table.fixed_macs / self.table.full_macs
        selector = self.table.selector_macs / self.table.full_macs
        self.assertBetween(shares["train_initial"], least + 0.5 * (1 - least), 1.0)
        self.assertBetween(shares["train_random"], least, 0.9)
        # The full model, a random one, and the selector.
        self.assertBetween(shares["train_distilled"], 1 + least + selector, 2 + selector)
        levels = self.subject.network.select_levels(self.images, "colour")
        self.assertAllClose(shares["train_selected"], self.share(levels))
        # Four uniform models of each image forward, beside the selector; in thirds of a step.
        mean = least + np.mean(self.table.block_macs, axis=1).sum() / self.table.full_macs
        self.assertAllClose(shares["train_selector"], selector + 4 / 3 * mean, atol=0.25)


class SlowStream:
    """A network whose steps take no time, and batches that each take a while to come."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.batch = random_batch(["grey"], batch=3)

    def compile(self, *args, **kwargs):
        del args, kwargs

    def make_train_function(self):
        self.train_function = lambda iterator: [next(iterator), {"loss": tf.zeros(())}][1]

    def __iter__(self):
        while True:
            time.sleep(self.seconds)
            yield self.batch


class InputRowsTest(tf.test.TestCase):
    def test_a_slow_stream_is_found_out(self):
        slow = SlowStream(0.1)
        cached, streamed = input_rows(slow, slow, InterleavedTimer(0, 2, warmups=1))
        self.assertEqual([cached.name, streamed.name], ["input_cached", "input_pipeline"])
        self.assertAllGreater(streamed.seconds, 0.1)
        self.assertAllLess(cached.seconds, 0.1)
        self.assertAllEqual(streamed.reference, cached.seconds)
        self.assertEqual(cached.batch_size, 3)
        self.assertIsNone(streamed.macs_share)

    def test_a_turn_of_several_steps_is_given_per_step(self):
        timer = InterleavedTimer(60.0, 1)  # Time for as many steps as may be.
        times = {"input_cached": np.array([200.0]), "input_pipeline": np.array([400.0])}
        timer.measure = lambda candidates, batch_size: [
            Row(name, batch_size, times[name], times["input_cached"], None) for name in candidates
        ]
        stream = SlowStream(0.0)
        cached, streamed = input_rows(stream, stream, timer)
        self.assertAllClose(cached.seconds, [1.0])
        self.assertAllClose(streamed.seconds, [2.0])
        self.assertAllClose(streamed.reference, [1.0])
