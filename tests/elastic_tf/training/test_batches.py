"""Tests of the batches that a network trains on."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.batches import check_class_weight, check_data, read_batches
from tests import testing
from tests.testing import TASKS, random_images

IMAGES, LABELS = random_images("grey", 4), np.array([0, 1, 2, 1])


class BatchesTest(testing.TestCase):
    @parameterized.parameters(
        (LABELS.astype(np.uint8),), (LABELS[:, np.newaxis],), (LABELS.astype(np.int64),)
    )
    def test_labels_of_any_integer_type_also_in_a_column(self, labels):
        batch = read_batches({"grey": (IMAGES, labels)}, TASKS)["grey"]
        self.assertAllEqual(batch.labels, LABELS)
        self.assertEqual((batch.labels.dtype, batch.weights), (tf.int32, None))

    def test_weights_are_multiplied(self):
        weights = check_class_weight({"grey": {1: 3.0, np.int64(2): 0}}, TASKS)
        data = {"grey": (IMAGES, LABELS), "colour": (random_images("colour", 4), LABELS)}
        batches = read_batches(data, TASKS, weights)
        self.assertAllEqual(batches["grey"].weights, [1, 3, 0, 3])
        self.assertIsNone(batches["colour"].weights)
        data["grey"] = (IMAGES, LABELS, np.array([0.5, 2, 1, 0]))
        self.assertAllEqual(read_batches(data, TASKS)["grey"].weights, [0.5, 2, 1, 0])
        self.assertAllEqual(read_batches(data, TASKS, weights)["grey"].weights, [0.5, 6, 0, 0])

    @parameterized.parameters((None,), ((None, None, None, None),), ((None, 8, None, 1),))
    def test_unknown_shapes_become_known(self, shape):
        spec = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec(None, tf.int32)]

        @tf.function(input_signature=spec)
        def run(images, labels):
            batch = read_batches({"grey": (images, labels)}, TASKS)["grey"]
            self.assertEqual(batch.images.shape.as_list(), [None, 8, 8, 1])
            self.assertEqual(batch.labels.shape.as_list(), [None])
            return batch.images

        self.assertAllEqual(run(IMAGES, LABELS), IMAGES)
        with self.assertRaises(tf.errors.InvalidArgumentError):
            run(IMAGES[:, :, :7], LABELS)

    @parameterized.parameters(3, -1, 2**32)
    def test_labels_out_of_range_are_refused(self, label):
        labels = np.array([0, label, 1, 1])
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"Labels of task 'grey' must be in \[0, 3\)"
        ):
            read_batches({"grey": (IMAGES, labels)}, TASKS)

    @parameterized.parameters(
        ((IMAGES, LABELS), "must be dicts {task: .* Received: tuple"),
        ({"blue": (IMAGES, LABELS)}, r"tasks among .*Received: \['blue'\]"),
        ({"grey": IMAGES}, "Data of task 'grey' must be .* Received: <class 'numpy.ndarray'>"),
        ({"grey": (IMAGES,)}, r"must be \(images, labels\) or .* Received: 1 parts"),
        ({"grey": (IMAGES[..., 0], LABELS)}, r"'grey' must have shape .*images.shape=\(4, 8, 8\)"),
        ({"grey": (IMAGES, np.eye(3)[LABELS])}, r"Labels .*no one-hot.*: shape=\(4, 3\), float64"),
        ({"grey": (IMAGES, LABELS * 1.0)}, r"Labels of task 'grey' must be integers.*float64"),
        ({"grey": (IMAGES, LABELS, np.ones((4, 3)))}, r"Weights of .*: shape=\(4, 3\), float64"),
        ({"grey": (IMAGES, LABELS[:3])}, r"must have a label,.*\(4, 8, 8, 1\), \(3,\)"),
        ({"grey": (IMAGES, LABELS, LABELS > 0)}, r"Weights of task 'grey' must be numbers.*bool"),
    )
    def test_data_of_another_kind_are_one_sentence_for_a_batch_and_for_a_data_set(
        self, data, message
    ):
        for given in (data, tf.data.Dataset.from_tensors(data).element_spec):
            message = message.replace("<class 'numpy.ndarray'>", ".*")
            with self.assertRaisesRegex(ValueError, message):
                check_data(given, TASKS)

    @parameterized.parameters(
        ({0: 1.0},),
        ({"blue": {0: 1.0}},),
        ({"grey": [1.0, 2.0, 3.0]},),
        ({"grey": {3: 1.0}},),
        ({"grey": {0: -1.0}},),
        ({"grey": {0: float("nan")}},),
        ("balanced",),
    )
    def test_other_class_weights_are_refused(self, class_weight):
        with self.assertRaisesRegex(ValueError, "`class_weight` must be a dict .*Received: cl"):
            check_class_weight(class_weight, TASKS)

    def test_no_class_weights_are_none(self):
        self.assertEqual(check_class_weight(None, TASKS), {})
