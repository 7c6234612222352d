import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from elastic_tf_tools.cut_fashion_mnist import cut, first_per_class


class CutFashionMnistTest(tf.test.TestCase):
    def test_the_first_of_every_class_in_their_order(self):
        self.assertAllEqual(first_per_class(np.array([1, 0, 1, 1, 0, 0]), 2), [0, 1, 2, 4])

    def test_too_few_examples_are_named(self):
        with self.assertRaisesRegex(ValueError, "at least 2 examples of class 1.*examples=1"):
            first_per_class(np.array([0, 0, 1]), 2)

    def test_images_stay_with_their_labels(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.get_temp_dir()))
        labels = np.array([0, 1, 1, 0, 0], np.uint8)
        images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1)
        np.savez(folder / "full.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
        digests = [cut(folder / "full.npz", folder / f"{k}.npz", 2, 1) for k in range(2)]
        with np.load(folder / "0.npz") as subset:
            self.assertAllEqual(subset["x_train"].ravel(), [0, 1, 2, 3])
            self.assertAllEqual(subset["y_train"], [0, 1, 1, 0])
            self.assertAllEqual(subset["x_test"].ravel(), [0, 1])
        self.assertEqual(digests[0], digests[1])


if __name__ == "__main__":
    tf.test.main()
