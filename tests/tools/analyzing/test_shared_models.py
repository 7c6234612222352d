import numpy as np
import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.shared_models import shared_groups, shared_models


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
