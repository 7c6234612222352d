import types

import keras
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.divergence import RaiseOnDivergence


class RaiseOnDivergenceTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.callback = RaiseOnDivergence()
        step = keras.Variable(7, dtype="int64", trainable=False)
        self.callback.set_model(types.SimpleNamespace(step=step))

    def test_numbers_pass(self):
        self.callback.on_train_batch_end(0, {"birds_loss": 1.5, "birds_accuracy": 0.0})

    @parameterized.parameters(float("nan"), float("inf"))
    def test_others_are_named(self, value):
        with self.assertRaisesRegex(FloatingPointError, f"step 7.*Received: birds_loss={value}"):
            self.callback.on_train_batch_end(0, {"birds_loss": value})


if __name__ == "__main__":
    tf.test.main()
