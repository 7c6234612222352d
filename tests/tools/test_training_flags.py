import keras
import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import model_flags, training_flags

from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests.testing import TASKS, random_batch

LENGTHS = {"initial_steps": 3, "rounds": 2, "selector_steps": 2, "estimator_steps": 1}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


def compiled(**values):
    """Returns a network compiled by flags."""
    with flagsaver.flagsaver(**LENGTHS | values):
        model = DeepElasticNetwork(
            TASKS, backbone="wrn-8-1", selector_features=model_flags.FLAGS.selector_features
        )
        training_flags.compile_model(model)
    return model


def rates(model):
    """Returns the selector's learning rate at each of its updates, for as many as matter."""
    rate = model.selector_optimizer._learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return [float(rate)] * 16
    return [float(rate(update)) for update in range(17)]


class SelectorRateTest(tf.test.TestCase, parameterized.TestCase):
    def test_it_falls_over_the_rounds_in_which_every_step_trains_the_guess(self):
        # Two tasks: 6 updates in the initial stage, 10 in the alternation.
        expected = [0.1] * 6 + [0.05 * (1 + np.cos(np.pi * update / 10)) for update in range(11)]
        self.assertAllClose(rates(compiled(selector_learning_rate=0.1)), expected)

    def test_without_a_guess_the_selectors_own_steps_count(self):
        expected = [0.05 * (1 + np.cos(np.pi * update / 8)) for update in range(9)]
        found = rates(compiled(selector_learning_rate=0.1, guess_weight=0.0))
        self.assertAllClose(found[:9], expected)

    @parameterized.parameters({"learning_rate_shape": "step"}, {"rounds": 0})
    def test_without_a_cosine_it_stays(self, **values):
        self.assertAllClose(rates(compiled(selector_learning_rate=0.1, **values)), [0.1] * 16)

    def test_the_last_update_is_counted_on(self):
        model = compiled(selector_learning_rate=0.1)
        data = tf.data.Dataset.from_tensors(random_batch()).repeat(model.stages.total_steps)
        model.fit(data, verbose=0, shuffle=False)
        self.assertEqual(int(model.selector_optimizer.iterations.numpy()), 16)
        self.assertAllClose(model.selector_optimizer.learning_rate, 0.0, atol=1e-6)


class TargetMacsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (None, None),
        ("none", None),
        ("0.4", 0.4),
        ("cats=0.3,dogs=0.5", {"cats": 0.3, "dogs": 0.5}),
    )
    def test_a_share_or_one_for_each_task_or_none(self, text, expected):
        with flagsaver.flagsaver(target_macs=text):
            self.assertEqual(training_flags._target_macs(), expected)


class LossWeightTest(tf.test.TestCase):
    def test_one_for_each_task(self):
        settings = compiled(loss_weight="grey=0.5").settings
        self.assertEqual([settings.loss_weight_of(task) for task in TASKS], [0.5, 1.0])


if __name__ == "__main__":
    tf.test.main()
