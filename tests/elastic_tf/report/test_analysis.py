"""Tests of an analysis: of planted images, and of a network."""

import dataclasses

import numpy as np
import tensorflow as tf

from elastic_tf.report.analysis import analyse
from tests.elastic_tf.evaluation.small_answers import BATCHES, small_answers, small_network
from tests.elastic_tf.report.planted import planted_analysis, planted_routing, two_tasks
from tests.testing import TASKS, random_batch


class TaskRoutingTest(tf.test.TestCase):
    def test_pictures_come_in_the_order_asked_for(self):
        pictures = planted_routing().pictures([19, 0, 7])
        self.assertEqual([int(picture[0, 0, 0]) for picture in pictures], [19, 0, 7])
        self.assertEqual(pictures[0].shape, (6, 5, 3))


class GroupsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.routing = planted_routing()
        self.groups = planted_analysis(self.routing, top=2).groups["planted"]

    def test_planted_models_are_found_with_their_images(self):
        self.assertEqual([group.levels for group in self.groups], [(1, 1), (2, 0)])
        labels = self.routing.routed.labels
        self.assertAllEqual(self.groups[0].images, np.flatnonzero((labels == 1) | (labels == 2)))
        self.assertAllEqual(self.groups[1].images, np.flatnonzero(labels == 0))
        self.assertAllClose([group.share for group in self.groups], [12 / 20, 5 / 20])
        self.assertAllClose([group.macs_share for group in self.groups], [0.4, 0.5])

    def test_models_that_several_tasks_use_much_say_so(self):
        other = planted_routing("other", per_class=(0, 6, 1, 9))
        groups = planted_analysis(self.routing, other, top=2).groups
        self.assertEqual(groups["planted"][0].tasks, ["planted", "other"])
        self.assertEqual(groups["planted"][1].tasks, ["planted"])
        self.assertEqual([group.levels for group in groups["other"]], [(0, 2), (1, 1)])


class SeenGroupsTest(tf.test.TestCase):
    def test_images_seen_once_and_twice_with_the_model_that_answers(self):
        groups = planted_routing().seen_groups
        self.assertEqual(list(groups), ["seen once", "seen twice"])
        once, twice = groups.values()
        self.assertAllEqual(twice.images, np.arange(0, 20, 3))
        self.assertAllEqual(once.images, [i for i in range(20) if i % 3])
        self.assertEqual([once.levels, twice.levels], [(1, 1), (2, 1)])
        self.assertEqual([once.macs_share, twice.macs_share], [0.25, 0.75])
        self.assertAllClose([once.share, twice.share], [13 / 20, 7 / 20])
        self.assertAllClose(twice.accuracy, np.mean(np.arange(0, 20, 3) % 4 > 0))

    def test_a_group_without_images_and_a_network_without_second_looks_have_none(self):
        routing = planted_routing()
        none = dataclasses.replace(routing.seen, seen_twice=np.zeros(20, bool))
        self.assertEqual(list(dataclasses.replace(routing, seen=none).seen_groups), ["seen once"])
        self.assertEmpty(dataclasses.replace(routing, seen=None).seen_groups)


class SharedModelsTest(tf.test.TestCase):
    def test_the_most_shared_come_first_and_what_one_task_uses_is_left_out(self):
        # Models 2-0, 1-1 (two classes), 0-2.
        found = planted_analysis(
            planted_routing("first", per_class=(10, 3, 3, 4)),
            planted_routing("second", per_class=(0, 5, 1, 4)),
            planted_routing("third", per_class=(0, 0, 0, 2)),
        ).shared_models
        self.assertEqual(list(found), [(0, 2), (1, 1)])
        self.assertAllClose(found[0, 2], {"first": 0.2, "second": 0.4, "third": 1.0})
        self.assertAllClose(found[1, 1], {"first": 0.3, "second": 0.6})

    def test_one_task_shares_nothing(self):
        analysis = planted_analysis(planted_routing())
        self.assertEqual((analysis.shared_models, analysis.shared_groups), ({}, []))

    def test_their_images_are_those_of_each_task_on_them(self):
        analysis = two_tasks()
        groups = analysis.shared_groups[0]
        for routing in analysis.routings:
            group = groups[routing.task]
            self.assertEqual((group.levels, group.tasks), ((1, 1), ["cats", "dogs"]))
            expected = np.flatnonzero(np.isin(routing.routed.labels, [1, 2]))
            self.assertAllEqual(group.images, expected)


class AnalyseTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network, cls.lines = small_network(), []
        colour = [tuple(random_batch(["colour"], 10)["colour"])]
        batches = {"grey": BATCHES, "colour": colour}
        cls.batches_of = staticmethod(lambda task, split: batches[task])
        cls.analysis = analyse(
            cls.network, cls.batches_of, budgets=[0.9], progress=cls.lines.append
        )

    def test_every_task_is_looked_at(self):
        self.assertEqual(list(self.analysis.results), list(TASKS))
        self.assertEqual(
            {task: len(of) for task, of in self.analysis.class_names.items()},
            {"grey": 3, "colour": 4},
        )
        self.assertLen(self.analysis.routings[0].routed.labels, 24)
        self.assertEqual(set(self.analysis.distributions), {"all tasks", *TASKS})
        self.assertRegex(self.lines[0], r"^grey: 24 images on \d+ models$")

    def test_what_is_seen_is_the_networks_answer(self):
        images = np.concatenate([images for images, _ in BATCHES])
        routed = self.analysis.routings[0].routed
        levels = self.network.selector(images, task="grey").numpy().argmax(axis=-1)
        self.assertAllEqual(routed.levels, levels)
        logits = self.network.estimator(images, levels=levels.astype(np.int32), task="grey")
        self.assertAllEqual(routed.classes, logits.numpy().argmax(axis=-1))
        logits = self.network.estimator(images, task="grey")
        self.assertAllEqual(routed.full_classes, logits.numpy().argmax(axis=-1))

    def test_a_second_look_is_of_as_many_macs_as_the_choice(self):
        grey, colour = self.analysis.routings
        self.assertIsNone(colour.seen)
        looks = self.network.second_looks["grey"]
        self.assertEqual(grey.seen.look, looks.look(float(grey.routed.macs_share.mean())))
        right, seen_twice = small_answers().look_twice(grey.seen.look)
        self.assertAllEqual(grey.seen.right, right)
        self.assertAllEqual(grey.seen.seen_twice, seen_twice)
        once, again = grey.seen.look.macs(small_answers().table)
        shares = np.array([once, once + again]) / small_answers().table.full_macs
        self.assertAllClose(grey.seen.macs_shares, shares)

    def test_budgets_are_measured_where_there_is_a_calibration(self):
        self.assertEqual(list(self.analysis.budget_curves), ["grey"])

    def test_channels_are_shares(self):
        self.assertEqual(self.analysis.ratios.shape, (self.network.num_blocks, 4))
        self.assertAllEqual(self.analysis.ratios[:, -1], np.ones(self.network.num_blocks))

    def test_names_must_be_one_for_each_class(self):
        with self.assertRaisesRegex(ValueError, "`class_names` must be 3 names .* Received: 2"):
            analyse(self.network, self.batches_of, {"grey": ["a", "b"]})
