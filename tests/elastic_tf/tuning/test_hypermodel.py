""""""

import keras_tuner
import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from elastic_tf_tools import model_flags, training_flags

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.tuning.hypermodel import TrainingHyperModel
from elastic_tf.tuning.ranges import TUNABLES, parse_range
from elastic_tf.tuning.search_space import SearchSpace
from tests.testing import TASKS, random_batch

GIVEN = ("--backbone=wrn-8-1", "--trunk_size=4", "--initial_steps=2", "--rounds=1", "--rho=2.0")
SETTINGS = {
    "backbone": "wrn-8-1",
    "num_levels": 4,
    "ratios": None,
    "learning_rate": 0.1,
    "selector_hidden_ratio": 0.25,
    "initial_steps": 2,
    "rounds": 1,
    "selector_steps": 1,
    "estimator_steps": 1,
}
RANGES = {
    "levels": "2..4",
    "ratios": "0.25..0.75",
    "learning_rate": "0.01..0.5",
    "selector_hidden_ratio": "0.25,0.5",
}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


def _hypermodel():
    ranges = {name: parse_range(text, TUNABLES[name].kind) for name, text in RANGES.items()}
    return TrainingHyperModel(SearchSpace(ranges, SETTINGS), TASKS, GIVEN)


class TrainingHyperModelTest(tf.test.TestCase):
    def _values(self):
        hp = keras_tuner.HyperParameters()
        _hypermodel().declare_hyperparameters(hp)
        hp.values |= {"levels": 3, "learning_rate": 0.25, "selector_hidden_ratio": 0.5}
        hp.ensure_active_values()
        hp.values["narrowing_1"] = 0.625
        return hp

    def test_flags_of_a_trial_take_the_place_of_those_given(self):
        found = _hypermodel().training_flags(self._values().values)
        self.assertEqual(found[: len(GIVEN)], list(GIVEN))
        self.assertIn("--ratios=0,0.625,1", found)
        hypermodel = TrainingHyperModel(_hypermodel().space, TASKS, ("--learning_rate=0.3",))
        found = hypermodel.training_flags(self._values().values)
        self.assertEqual([flag for flag in found if "--learning" in flag], ["--learning_rate=0.25"])

    def test_build_makes_the_network_that_the_flags_describe(self):
        built = _hypermodel().build(self._values())
        self.assertIsInstance(built, DeepElasticNetwork)
        values = dict(
            flag.lstrip("-").split("=", 1)
            for flag in _hypermodel().training_flags(self._values().values)
        )
        with flagsaver.as_parsed(**values):
            expected = model_flags.build_model(TASKS)
            training_flags.compile_model(expected)
        self.assertEqual(built.get_config() | {"name": ""}, expected.get_config() | {"name": ""})
        self.assertEqual(built.settings, expected.settings)
        self.assertEqual(built.stages.get_config(), expected.stages.get_config())
        self.assertAllClose(built.learning_rate.initial_rate, 0.25)
        self.assertEqual(built.estimator.ratios, [0.0, 0.625, 1.0])
        self.assertEqual(built.settings.rho, 2.0)

    def test_flags_are_as_before_after_a_build(self):
        _hypermodel().build(self._values())
        self.assertEqual(flags.FLAGS.backbone, flags.FLAGS["backbone"].default)
        self.assertIsNone(flags.FLAGS.ratios)

    def test_a_tuner_of_keras_tuner_searches_with_it(self):
        space = SearchSpace({"levels": parse_range("2", int)}, SETTINGS)
        tuner = keras_tuner.RandomSearch(
            TrainingHyperModel(space, {"grey": TASKS["grey"]}, GIVEN),
            keras_tuner.Objective("val_grey_accuracy", "max"),
            max_trials=1,
            directory=self.get_temp_dir(),
        )
        data = tf.data.Dataset.from_tensors(random_batch(["grey"]))
        tuner.search(data, validation_data=data, epochs=1, verbose=0, shuffle=False)
        (trial,) = tuner.oracle.get_best_trials()
        self.assertEqual(trial.status, "COMPLETED")
        self.assertTrue(np.isfinite(trial.score))


if __name__ == "__main__":
    tf.test.main()
