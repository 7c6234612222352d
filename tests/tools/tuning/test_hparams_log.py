import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.tuning.hparams_log import log_hparams
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tests.tools.tuning.outcome import completed, failed


class HparamsLogTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _read(self, outcome):
        log_hparams(self.folder, outcome)
        events = EventAccumulator(str(self.folder))
        events.Reload()
        content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        values = data.session_start_info.hparams
        return events, {name: values[name].number_value for name in values}

    def test_values_and_seed_are_hyperparameters(self):
        values = {"levels": 4, "tuner/epochs": 3}
        _, found = self._read(completed("7", values=values))
        self.assertEqual(found, {"levels": 4, "seed": 7})

    def test_figures_are_scalars_at_the_last_step(self):
        events, _ = self._read(completed("0", 0.75, 0.5))
        found = {}
        for name in ("accuracy", "macs_share"):
            (event,) = events.Tensors(name)
            self.assertEqual(event.step, 90)
            found[name] = tf.make_ndarray(event.tensor_proto)
        self.assertAllClose(found, {"accuracy": 0.75, "macs_share": 0.5})

    def test_a_failed_trial_has_no_figures(self):
        events, found = self._read(failed("1"))
        self.assertEqual(found["levels"], 3)
        self.assertNotIn("score", events.Tags()["tensors"])


if __name__ == "__main__":
    tf.test.main()
