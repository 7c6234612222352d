import io
import types

import keras
import tensorflow as tf

from elastic_tf.training.stages import StageSchedule
from tools.stage_progress import StageProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class StageProgressTest(tf.test.TestCase):
    def _lines(self, step, stream=None, **logs):
        stream = stream or io.StringIO()
        progress = StageProgress(["birds"], total_steps=10, stream=stream)
        model = types.SimpleNamespace(
            step=keras.Variable(step, dtype="int64", trainable=False),
            stages=StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=2),
        )
        progress.set_model(model)
        figures = {"loss": 0.5, "accuracy": 0.75, "reward": 1.2, "density": 0.3}
        logs |= {f"birds_{name}": value for name, value in figures.items()}
        progress.on_train_batch_end(0, logs)
        progress.on_epoch_end(0, logs)
        return stream.getvalue()

    def test_the_initial_stage_shows_the_estimator(self):
        self.assertStartsWith(self._lines(4), "4/10 initial: birds loss 0.500 accuracy 0.750")

    def test_a_selector_stage_shows_its_reward(self):
        text = self._lines(5)
        self.assertStartsWith(text, "5/10 round 1 selector: birds reward 1.200 density 0.300")

    def test_validation_compares_selector_and_full_model(self):
        validation = {
            "val_birds_accuracy": 0.8,
            "val_birds_full_accuracy": 0.9,
            "val_birds_macs_share": 0.4,
        }
        self.assertIn(
            "validation: birds full model 90.0 %, selector 80.0 % at 40 % MACs",
            self._lines(10, **validation),
        )
        self.assertNotIn("selector", self._lines(3, **validation))

    def test_elsewhere_than_on_a_terminal_there_is_a_line_per_epoch(self):
        self.assertEqual(self._lines(4).count("\n"), 1)
        self.assertNotIn("\r", self._lines(4))

    def test_a_terminal_is_rewritten(self):
        text = self._lines(4, stream=Terminal())
        self.assertStartsWith(text, f"\r\033[K[{'=' * 8}{' ' * 12}] 4/10 initial")


if __name__ == "__main__":
    tf.test.main()
