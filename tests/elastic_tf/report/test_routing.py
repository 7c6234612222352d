"""Tests of routing."""

import numpy as np
import tensorflow as tf

from elastic_tf.report.routing import model_groups, shared_groups, shared_models
from tests.elastic_tf.report.planted import planted_routing


class TaskRoutingTest(tf.test.TestCase):
    def test_pictures_come_in_the_order_asked_for(self):
        pictures = planted_routing().pictures([19, 0, 7])
        self.assertEqual([int(picture[0, 0, 0]) for picture in pictures], [19, 0, 7])
        self.assertEqual(pictures[0].shape, (6, 5, 3))

    def test_its_length_is_the_number_of_images(self):
        self.assertLen(planted_routing(), 20)
        self.assertEqual(np.sum(planted_routing().chosen.counts), 20)


class ModelGroupsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.routing = planted_routing()
        self.groups = model_groups([self.routing], top=2)["planted"]

    def test_planted_models_are_found_with_their_images(self):
        self.assertEqual([group.levels for group in self.groups], [(1, 1), (2, 0)])
        labels = self.routing.routed.labels
        self.assertAllEqual(self.groups[0].images, np.flatnonzero((labels == 1) | (labels == 2)))
        self.assertAllEqual(self.groups[1].images, np.flatnonzero(labels == 0))
        self.assertAllClose([group.share for group in self.groups], [12 / 20, 5 / 20])
        self.assertAllClose([group.macs_share for group in self.groups], [0.4, 0.5])

    def test_accuracy_is_of_the_groups_images(self):
        for group in self.groups:
            self.assertAllClose(group.accuracy, np.mean(group.images % 2 == 0))

    def test_planted_classes_are_what_a_group_has_in_common(self):
        typical = [{each["label"] for each in group.typical_classes()} for group in self.groups]
        self.assertEqual(typical, [{1, 2}, {0}])
        self.assertAllClose(self.groups[1].classes[0]["lift"], 20 / 5)

    def test_models_shared_between_tasks_say_so(self):
        other = planted_routing("other", per_class=(0, 6, 1, 9))
        groups = model_groups([self.routing, other], top=2)
        self.assertEqual(groups["planted"][0].tasks, ["planted", "other"])
        self.assertEqual(groups["planted"][1].tasks, ["planted"])
        self.assertEqual([group.levels for group in groups["other"]], [(0, 2), (1, 1)])


class SharedModelsTest(tf.test.TestCase):
    def test_the_most_shared_come_first_and_what_one_task_uses_is_left_out(self):
        # Models 2-0, 1-1 (two classes), 0-2.
        first = planted_routing("first", per_class=(10, 3, 3, 4))
        second = planted_routing("second", per_class=(0, 5, 1, 4))
        third = planted_routing("third", per_class=(0, 0, 0, 2))
        found = shared_models([first, second, third])
        self.assertEqual([model.levels for model in found], [(0, 2), (1, 1)])
        self.assertAllClose(found[0].shares, {"first": 0.2, "second": 0.4, "third": 1.0})
        self.assertAllClose(found[1].shares, {"first": 0.3, "second": 0.6})

    def test_one_task_shares_nothing(self):
        self.assertEqual(shared_models([planted_routing()]), [])

    def test_their_images_are_those_of_each_task_on_them(self):
        first = planted_routing("first", per_class=(10, 3, 3, 4))
        second = planted_routing("second", per_class=(0, 5, 1, 4))
        (model,) = shared_groups([first, second], 1)
        self.assertEqual(list(model), ["first", "second"])
        for routing in (first, second):
            group = model[routing.task]
            self.assertEqual((group.levels, group.tasks), ((1, 1), ["first", "second"]))
            self.assertAllEqual(
                group.images, np.flatnonzero(np.isin(routing.routed.labels, [1, 2]))
            )
        self.assertAllClose([model["first"].share, model["second"].share], [0.3, 0.6])


if __name__ == "__main__":
    tf.test.main()
