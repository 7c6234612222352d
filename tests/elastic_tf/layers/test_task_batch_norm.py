import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.norm_conv import measure
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization


class TaskBatchNormalizationTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {"tasks": ["a", "b"], "momentum": 0.8, "epsilon": 1e-3}
        self.norm = TaskBatchNormalization(**self.init_kwargs)
        self.norm.build((None, 3, 3, 4))
        self.inputs = tf.random.stateless_normal((5, 3, 3, 4), (1, 2), 2.0, 3.0)

    @parameterized.parameters(True, False)
    def test_one_task_alone_is_keras_batch_normalization(self, training):
        plain = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
        plain(self.inputs, training=True)
        self.norm(self.inputs, task="a", training=True)
        self.assertAllClose(
            self.norm(self.inputs, task="a", training=training),
            plain(self.inputs, training=training),
            atol=1e-5,
        )
        self.assertAllClose(self.norm.moving_variances["a"], plain.moving_variance, rtol=1e-4)

    @parameterized.parameters(("a", "b"), ("b", "a"))
    def test_the_averages_of_other_tasks_stay(self, task, other):
        self.norm(self.inputs, task=task, training=True)
        self.assertAllEqual(self.norm.moving_means[other], np.zeros(4))
        self.assertAllEqual(self.norm.moving_variances[other], np.ones(4))
        self.assertNotAllClose(self.norm.moving_means[task], np.zeros(4))
        self.assertNotAllClose(self.norm.moving_variances[task], np.ones(4))

    def test_inference_uses_the_averages_of_the_task(self):
        self.norm(self.inputs, task="a", training=True)
        self.assertNotAllClose(
            self.norm(self.inputs, task="a"), self.norm(self.inputs, task="b"), atol=0.1
        )

    def test_a_channel_that_nobody_uses_keeps_its_averages(self):
        groups = [measure(self.inputs[..., :2]), measure(self.inputs[:0])]
        self.norm.scale_and_offset("a", groups)
        self.assertNotAllClose(self.norm.moving_means["a"][:2], np.zeros(2))
        self.assertAllEqual(self.norm.moving_means["a"][2:], np.zeros(2))

    def test_scale_and_offset_are_what_the_layer_does(self):
        for groups in ([measure(self.inputs[:2]), measure(self.inputs[2:])], None):
            outputs = self.norm(self.inputs, task="a", training=groups is not None)
            scale, offset = self.norm.scale_and_offset("a", groups)
            self.assertAllClose(self.inputs * scale + offset, outputs, atol=1e-5)

    @parameterized.parameters(True, False)
    def test_activation(self, training):
        self.norm.beta.assign([0.5, -0.5, 1.0, 0.0])
        fused = TaskBatchNormalization(**self.init_kwargs, activation="relu")
        fused.build(self.inputs.shape)
        fused.set_weights(self.norm.get_weights())
        expected = np.maximum(self.norm(self.inputs, task="a", training=training), 0)
        actual = fused(self.inputs, task="a", training=training)
        self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-5)

    def test_an_empty_batch_changes_nothing(self):
        self.norm(self.inputs[:0], task="a", training=True)
        self.assertAllEqual(self.norm.moving_variances["a"], np.ones(4))

    def test_averages_are_set_where_there_are_values(self):
        self.norm.set_averages(
            "a", tf.constant([3.0, 0.0, 1.0, 0.0]), tf.fill([4], 5.0), tf.zeros(4)
        )
        self.assertAllEqual(self.norm.moving_means["a"], [5, 0, 5, 0])
        self.assertAllEqual(self.norm.moving_variances["a"], [0, 1, 0, 1])
        self.assertAllEqual(self.norm.moving_means["b"], np.zeros(4))

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .* Received: task=c"):
            self.norm(self.inputs, task="c")

    @parameterized.parameters(
        ("tasks", []), ("momentum", 1.0), ("epsilon", 0.0), ("activation", "gelu")
    )
    def test_bad_arguments_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must be"):
            TaskBatchNormalization(**(self.init_kwargs | {name: value}))

    def test_config_round_trip(self):
        config = self.norm.get_config()
        self.assertEqual({key: config[key] for key in self.init_kwargs}, self.init_kwargs)
        self.assertEqual(TaskBatchNormalization.from_config(config).get_config(), config)


if __name__ == "__main__":
    tf.test.main()
