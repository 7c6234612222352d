import numpy as np
import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.model_groups import model_groups


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


if __name__ == "__main__":
    tf.test.main()
