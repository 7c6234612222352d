import pathlib

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.training.checkpoint import ResumableCheckpoint, save_atomically


class CheckpointTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.get_temp_dir()) / "checkpoint.keras"
        self.model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.model.compile("sgd", "mse")

    def test_it_saves_every_so_many_steps_and_at_the_end(self):
        steps = []
        callback = ResumableCheckpoint(self.path, every_steps=2)
        spy = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: steps.append(self.path.exists())
        )
        self.model.fit(
            np.ones((5, 2)), np.ones((5, 1)), batch_size=1, callbacks=[callback, spy], verbose=0
        )
        self.assertEqual(steps, [False, True, True, True, True])
        loaded = keras.saving.load_model(self.path)
        self.assertAllEqual(loaded.get_weights()[0], self.model.get_weights()[0])

    def test_a_failed_save_leaves_the_old_file(self):
        save_atomically(self.model, self.path)
        before = self.path.read_bytes()

        def broken(path):
            pathlib.Path(path).write_bytes(b"half a")
            raise OSError("disk full")

        self.model.save = broken
        with self.assertRaisesRegex(OSError, "disk full"):
            save_atomically(self.model, self.path)
        self.assertEqual(self.path.read_bytes(), before)

    def test_bad_interval_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`every_steps` must be an integer >= 1"):
            ResumableCheckpoint(self.path, 0)


if __name__ == "__main__":
    tf.test.main()
