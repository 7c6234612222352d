import pathlib
import tempfile

import keras
import keras_tuner
import pytest
import tensorflow as tf

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import validation_figures
from elastic_tf.evaluation.budgets import calibrate_network, settle_target
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from elastic_tf.tuning import ElasticHyperModel, Objective, SearchSpace
from tests.testing import TASKS, random_batch

TASK = {"grey": TASKS["grey"]}
NETWORK = NetworkSettings(
    backbone="wrn-8-1", num_levels=2, trunk_size=4, selector_hidden_ratio=0.25
)
SCHEDULE = StageSchedule(initial_steps=2, rounds=1, selector_steps=2)
METHOD = MethodSettings(target_macs=0.5)
OBJECTIVE = Objective("hypervolume")


def _batches_of(task, split):
    return [random_batch([task], batch=8, seed=len(split))[task]]


def _batches():
    return tf.data.Dataset.from_tensors(random_batch(["grey"])).repeat()


class HyperModelTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _hypermodel(self, seed=3, **tune):
        space = SearchSpace(tune, NETWORK, SCHEDULE, METHOD)
        return ElasticHyperModel(TASK, space, OBJECTIVE, seed=seed)

    def test_build_makes_the_network_that_is_drawn(self):
        hypermodel = self._hypermodel(num_levels="2..4", learning_rate=None, rounds="1..3")
        hp = keras_tuner.HyperParameters()
        hypermodel.declare_hyperparameters(hp)
        hp.values |= {"num_levels": 3, "learning_rate": 0.25, "rounds": 2}
        built = hypermodel.build(hp)
        keras.utils.set_random_seed(3)
        arguments = NETWORK.arguments() | {"ratios": (0.0, 0.5, 1.0)}
        expected = DeepElasticNetwork(TASK, **arguments, seed=3)
        expected.compile(method=METHOD)
        self.assertEqual(built.get_config() | {"name": ""}, expected.get_config() | {"name": ""})
        for one, other in zip(built.get_weights(), expected.get_weights(), strict=True):
            self.assertAllEqual(one, other)
        self.assertEqual(built.stages, StageSchedule(2, rounds=2, selector_steps=2))
        self.assertEqual((built.method, built.optimizers.learning_rate), (METHOD, 0.25))

    @pytest.mark.slow
    def test_a_tuner_of_keras_tuner_searches_and_keeps_what_it_has_scored(self):
        hypermodel = self._hypermodel(num_levels="2")
        tuner = keras_tuner.RandomSearch(
            hypermodel,
            keras_tuner.Objective("score", "max"),
            max_trials=1,
            directory=self.folder,
        )
        tuner.search(_batches(), _batches_of, steps_per_epoch=3, verbose=0)
        (trial,) = tuner.oracle.get_best_trials()
        self.assertEqual(trial.status, "COMPLETED")
        # By hand: the same training, as long as its schedule, then settled and calibrated.
        keras.utils.set_random_seed(3)
        model = DeepElasticNetwork(TASK, **NETWORK.arguments(), seed=3)
        model.compile(SCHEDULE, METHOD, OptimizerSettings())
        model.fit(_batches(), steps_per_epoch=4, shuffle=False, verbose=0)
        settle_target(model, _batches_of)
        answers = AnswersBySplit(model, _batches_of)
        calibrate_network(answers)
        measured = OBJECTIVE.measure(validation_figures(answers))
        self.assertAllClose(trial.score, measured["score"])
        for name, figure in measured.items():
            self.assertAllClose(trial.metrics.get_best_value(name), figure)
        (best,) = tuner.get_best_models()
        self.assertEqual((int(best.step.numpy()), SCHEDULE.total_steps), (4, 4))
        for one, other in zip(best.get_weights(), model.get_weights(), strict=True):
            self.assertAllClose(one, other)

    def test_a_training_that_diverges_is_a_failed_trial(self):
        hypermodel = self._hypermodel(learning_rate="1e30")
        hp = keras_tuner.HyperParameters()
        model = hypermodel.build(hp)
        with self.assertRaisesRegex(keras_tuner.errors.FailedTrialError, "diverged at step"):
            hypermodel.fit(hp, model, _batches(), _batches_of)
