import tensorflow as tf

from elastic_tf.models.stems import make_stems
from tests.testing import TASKS


class MakeStemsTest(tf.test.TestCase):
    def test_every_task_has_its_own(self):
        stems = make_stems(TASKS, 4, trunk_size=4, momentum=0.5)
        self.assertEqual(
            {name: (stem.task, stem.image_shape, stem.strides) for name, stem in stems.items()},
            {"grey": ("grey", (8, 8, 1), 2), "colour": ("colour", (11, 9, 3), 3)},
        )
        self.assertEqual({stem.momentum for stem in stems.values()}, {0.5})


if __name__ == "__main__":
    tf.test.main()
