import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.layers.empty_batch import run_unless_empty


class RunUnlessEmptyTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(batch=(0, 2), in_graph=(False, True))
    def test_the_operation_runs_unless_the_batch_is_empty(self, batch, in_graph):
        def call(inputs):
            return run_unless_empty(lambda x: tf.repeat(x, 2, axis=3) + 1, inputs, (3, 4, 2))

        if in_graph:
            call = tf.function(call, input_signature=[tf.TensorSpec((None, 3, 4, 1))])
        self.assertAllEqual(call(tf.zeros((batch, 3, 4, 1))), tf.ones((batch, 3, 4, 2)))

    def test_nothing_is_asked_where_the_batch_is_known(self):
        graph = tf.function(
            lambda inputs: run_unless_empty(tf.nn.relu, inputs, (3, 4, 1))
        ).get_concrete_function(tf.TensorSpec((2, 3, 4, 1)))
        self.assertNotIn("If", {operation.type for operation in graph.graph.get_operations()})


if __name__ == "__main__":
    tf.test.main()
