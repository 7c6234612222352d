import io
import pathlib
import tempfile

import keras
import tensorflow as tf
from absl import flags
from elastic_tf_tools.tuning.oracles import make_oracle
from elastic_tf_tools.tuning.search_directory import SearchDirectory
from elastic_tf_tools.tuning.training_tuner import TrainingTuner
from elastic_tf_tools.tuning.trial_progress import TrialProgress

from elastic_tf.training.callbacks import save_atomically
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.tuning.hypermodel import TrainingHyperModel
from elastic_tf.tuning.objectives import Objective
from elastic_tf.tuning.ranges import parse_range
from elastic_tf.tuning.search_space import SearchSpace
from tests.testing import TASKS, randomise
from tests.tools.tuning.outcome import completed
from tests.tools.tuning.stub_training import PROGRAM

SETTINGS = {
    "backbone": "wrn-8-1",
    "num_levels": 4,
    "ratios": None,
    "initial_steps": 50,
    "rounds": 1,
    "selector_steps": 40,
    "estimator_steps": 1,
}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class TrainingTunerTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        self.directory = SearchDirectory(pathlib.Path(folder) / "out")
        self.directory.claim({})
        self.printed = io.StringIO()

    def _tuner(self, max_trials=2, program=PROGRAM):
        space = SearchSpace({"levels": parse_range("2..5", int)}, SETTINGS)
        outcomes = self.directory.outcomes
        return TrainingTuner(
            make_oracle("random", max_trials, seed=0),
            TrainingHyperModel(space, TASKS),
            self.directory,
            Objective("hypervolume"),
            seed=20,
            program=program,
            progress=TrialProgress(outcomes, max_trials, lambda flags: flags, self.printed),
        )

    def test_no_network_is_built_for_the_space(self):
        tuner = self._tuner()
        self.assertEqual([each.name for each in tuner.oracle.get_space().space], ["levels"])

    def test_an_outcome_holds_everything_there_is_to_know(self):
        self._tuner(1).search()
        (outcome,) = self.directory.outcomes.all()
        self.assertEqual(outcome["flags"], ["--num_levels=4", "--seed=20"])
        self.assertEqual(outcome["values"], {"levels": 4})
        self.assertEqual((outcome["seed"], outcome["step"], outcome["run"]), (20, 90, "0"))
        self.assertTrue(outcome["is_whole_training"])
        self.assertAllClose(outcome["tasks"]["birds"]["macs_share"], 0.375)

    def test_a_trial_that_was_over_before_the_oracle_knew_is_not_repeated(self):
        tuner = self._tuner(1)
        self.directory.outcomes.write(completed("0", 0.125))
        tuner.search()
        self.assertFalse(self.directory.runs.exists())
        self.assertAllClose(tuner.oracle.get_trial("0").score, 0.125)

    def test_a_search_killed_in_its_first_trial_is_known_again(self):
        class Killed(BaseException):
            pass

        tuner = self._tuner()

        def kill(trial):
            raise Killed

        tuner.run_trial = kill
        with self.assertRaises(Killed):
            tuner.search()
        again = self._tuner()
        self.assertEqual(list(again.oracle.trials), ["0"])
        again.search()
        self.assertEqual(sorted(again.oracle.trials), ["0", "1"])

    def test_the_best_network_can_be_loaded(self):
        tuner = self._tuner(1)
        tuner.search()
        network = DeepElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(network)
        save_atomically(network, self.directory.runs / "0" / "model.keras")
        (loaded,) = tuner.get_best_models()
        self.assertIsInstance(loaded, keras.Model)
        self.assertAllClose(loaded.get_weights()[3], network.get_weights()[3])


if __name__ == "__main__":
    tf.test.main()
