import keras
import tensorflow as tf

from elastic_tf.training.stop import StopAtStep


class StopAtStepTest(tf.test.TestCase):
    def test_training_stops_within_the_epoch(self):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.step = keras.Variable(0, dtype="int64", trainable=False)
        count = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: model.step.assign_add(1)
        )
        data = tf.data.Dataset.from_tensors((tf.ones((1, 1)), tf.ones((1, 1)))).repeat()
        model.fit(data, steps_per_epoch=4, epochs=9, verbose=0, callbacks=[count, StopAtStep(6)])
        self.assertEqual(int(model.step.numpy()), 6)


if __name__ == "__main__":
    tf.test.main()
