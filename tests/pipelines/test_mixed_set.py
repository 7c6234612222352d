"""Tests of sets that are made of several, or disturbed."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import pipelines


def arrays_of(split, *tasks):
    """The images and labels of a split of every task, as training would read them."""
    data = pipelines.DataSettings(tasks=tasks, validation_share=0.0)
    for spec in data.task_specs():
        batches = data.split_batches(spec, split).as_numpy_iterator()
        yield map(np.concatenate, zip(*batches, strict=True))


class MixedSetTest(tf.test.TestCase, parameterized.TestCase):
    def _mixed(self, *tasks, validation_share=0.0, **arguments):
        data = pipelines.DataSettings(tasks=tasks, validation_share=validation_share)
        return pipelines.mixed_set(data.task_specs(), data, **arguments)

    def test_classes_follow_each_other_and_images_have_the_largest_size(self):
        found = self._mixed("digits", "fashion_mnist_small")
        (digits, digit_labels), (clothes, labels) = arrays_of(
            "test", "digits", "fashion_mnist_small"
        )
        self.assertEqual(found["x_test"].shape, (600 + 2000, 28, 28, 1))
        self.assertEqual(found["x_test"].dtype, np.uint8)
        rows = found["source_test"] == 1
        # In another order: the same images, each with its label.
        expected = {
            (image.tobytes(), label + 10) for image, label in zip(clothes, labels, strict=True)
        }
        actual = zip(found["x_test"][rows], found["y_test"][rows], strict=True)
        self.assertEqual({(image.tobytes(), label) for image, label in actual}, expected)
        self.assertAllEqual(np.sort(found["y_test"][~rows]), np.sort(digit_labels))
        self.assertAllClose(found["x_test"][~rows].mean(), digits.mean(), rtol=0.1)
        self.assertNotAllEqual(found["source_test"], np.sort(found["source_test"]))
        self.assertAllEqual(found["kind_test"], np.zeros(2600))

    def test_a_third_each_is_clean_noisy_and_blurred(self):
        clean = self._mixed("digits")
        found = self._mixed("digits", disturb=("noise", "blur"))
        for split in ("train", "test"):
            self.assertAllEqual(clean[f"y_{split}"], found[f"y_{split}"])
            kinds = found[f"kind_{split}"]
            before, after = (of[f"x_{split}"].astype(float) for of in (clean, found))
            self.assertAllClose(np.bincount(kinds) / len(kinds), [1 / 3] * 3, atol=0.06)
            self.assertAllEqual(before[kinds == 0], after[kinds == 0])
            inner = (before > 120) & (before < 140)  # Far from where pixels are cut off.
            noise = (after - before)[inner & (kinds == 1)[:, None, None, None]]
            self.assertBetween(noise.std(), 36, 44)
            changes = [np.abs(np.diff(of[kinds == 2], axis=1)).mean() for of in (before, after)]
            self.assertLess(changes[1], 0.6 * changes[0])

    def test_the_seed_is_all_of_the_chance(self):
        one, again, other = (
            self._mixed("digits", disturb=("noise",), seed=seed) for seed in (1, 1, 2)
        )
        for name, array in one.items():
            self.assertAllEqual(array, again[name])
        self.assertNotAllEqual(one["y_train"], other["y_train"])

    @parameterized.parameters(
        ({"disturb": ("rain",)}, "`disturb` must be of noise, blur, each once. Received: rain"),
        ({"disturb": ("blur", "blur")}, "`disturb` must be .* once. Received: blur, blur"),
        ({"validation_share": 0.1}, "`data` must hold out no validation.*validation_share=0.1"),
    )
    def test_bad_arguments_are_refused(self, arguments, fault):
        with self.assertRaisesRegex(ValueError, fault):
            self._mixed("digits", **arguments)
