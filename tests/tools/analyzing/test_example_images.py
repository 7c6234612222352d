import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tools.analyzing.example_images import example_images

# 70 images of class 0, 20 of class 1, 9 of class 2 and one of class 3, in no order.
LABELS = np.random.default_rng(1).permutation(np.repeat([0, 1, 2, 3], [70, 20, 9, 1]))


class ExampleImagesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (10, [7, 2, 1, 0]),
        (24, [17, 5, 2, 0]),  # Of 16.8, 4.8, 2.16 and 0.24.
        (2, [1, 1, 0, 0]),  # Of 1.4, 0.4, 0.18 and 0.02.
        (100, [70, 20, 9, 1]),
        (500, [70, 20, 9, 1]),
    )
    def test_every_class_has_its_share(self, count, expected):
        found = example_images(LABELS, np.arange(100), count)
        self.assertLen(set(found), sum(expected))
        self.assertAllEqual(np.bincount(LABELS[found], minlength=4), expected)

    def test_they_are_of_the_group(self):
        group = np.flatnonzero(LABELS != 1)[::2]
        found = example_images(LABELS, group, 12)
        self.assertLen(found, 12)
        self.assertContainsSubset(found, group.tolist())

    def test_the_most_frequent_class_comes_first(self):
        labels = LABELS[example_images(3 - LABELS, np.arange(100), 24)]
        self.assertAllEqual(labels, sorted(labels))

    def test_a_class_is_sampled_from_everywhere_in_it(self):
        found = np.array(example_images(np.zeros(1000, int), np.arange(1000), 24))
        self.assertBetween(found.mean(), 350, 650)
        self.assertGreater(len(set(np.diff(found))), 5)

    def test_they_are_the_same_at_every_call(self):
        first, second = (example_images(LABELS, np.arange(100), 24) for _ in range(2))
        self.assertEqual(first, second)


if __name__ == "__main__":
    tf.test.main()
