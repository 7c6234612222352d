"""Tests of what a SavedModel may do."""

import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.saved_model_safety import SavedModel, check_saved_model

IMAGES = tf.TensorSpec((None, 4), tf.float32, name="images")
# What a stranger's model could do beside its answer, and the operation that does it.
REACHES = {
    "ReadFile": lambda x: tf.strings.length(tf.io.read_file("/etc/hostname")),
    "WriteFile": lambda x: [tf.io.write_file("written", "text"), 0][1],
    "MatchingFiles": lambda x: tf.size(tf.io.matching_files("/*")),
    "EagerPyFunc": lambda x: tf.py_function(lambda: 1, [], tf.int32),
    "PyFunc": lambda x: tf.numpy_function(lambda: 1, [], tf.int32),
    "PrintV2": lambda x: [tf.print("text", output_stream="file://written"), 0][1],
    "SaveV2": lambda x: [
        tf.raw_ops.SaveV2(prefix="a", tensor_names=["x"], shape_and_slices=[""], tensors=[x]),
        0,
    ][1],
    "RestoreV2": lambda x: tf.size(
        tf.raw_ops.RestoreV2(
            prefix="/x", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
        )[0]
    ),
    r"\w+Dataset": lambda x: tf.cast(
        tf.data.TextLineDataset("/etc/hostname").reduce(0, lambda count, line: count + 1), tf.int32
    ),
}


class SavedModelSafetyTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _save(self, reach=lambda x: 0):
        """Saves a model that does something beside its answer."""
        module = tf.Module()
        module.weights = tf.Variable(tf.ones((4, 2)))

        @tf.function(input_signature=[IMAGES])
        def predict(images):
            seen = tf.cast(reach(images), tf.float32)
            # Within a branch, which is a function of its own.
            return tf.cond(seen < 0, lambda: images, lambda: images + seen) @ module.weights

        module.predict = predict
        tf.saved_model.save(module, str(self.folder), signatures=predict)

    def test_a_model_that_computes_may_be_loaded(self):
        self._save()
        check_saved_model(self.folder)

    @parameterized.parameters(*REACHES)
    def test_what_reaches_beyond_is_refused_by_name(self, operation):
        self._save(REACHES[operation])
        with self.assertRaisesRegex(ValueError, f"the operation {operation} in __inference"):
            check_saved_model(self.folder)

    def _change(self, change):
        """Changes the one graph of the saved model by a function of it."""
        file = self.folder / "saved_model.pb"
        model = SavedModel.FromString(file.read_bytes())
        change(model.meta_graphs[0])
        file.write_bytes(model.SerializeToString())

    def test_what_saves_the_weights_is_not_to_be_called_by_others(self):
        def call_again(graph):
            (restore,) = (
                node
                for node in graph.graph_def.node
                if node.name == graph.saver_def.restore_op_name
            )
            graph.graph_def.node.add().MergeFrom(restore)
            graph.graph_def.node[-1].name = "hidden"

        self._save()
        self._change(call_again)
        with self.assertRaisesRegex(ValueError, "the operation .*PartitionedCall in the graph"):
            check_saved_model(self.folder)

    def test_nor_from_outside(self):
        def offer(graph):
            (name,) = (
                function.signature.name
                for function in graph.graph_def.library.function
                if "traced_restore" in function.signature.name
            )
            graph.object_graph_def.nodes.add().function.concrete_functions.append(name)

        self._save()
        self._change(offer)
        with self.assertRaisesRegex(ValueError, "the operation call in __inference__traced_rest"):
            check_saved_model(self.folder)

    def test_another_function_said_to_save_is_not_let_pass(self):
        def pretend(graph):
            (served,) = (
                output.name for output in graph.signature_def["serving_default"].outputs.values()
            )
            graph.saver_def.save_tensor_name = served

        self._save(REACHES["ReadFile"])
        self._change(pretend)
        with self.assertRaisesRegex(ValueError, "which reaches beyond the network"):
            check_saved_model(self.folder)

    def test_what_is_none_is_refused(self):
        with self.assertRaises(FileNotFoundError):
            check_saved_model(self.folder)
        (self.folder / "saved_model.pb").write_bytes(b"\xff\xff")
        with self.assertRaisesRegex(ValueError, "saved_model.pb cannot be read"):
            check_saved_model(self.folder)


if __name__ == "__main__":
    tf.test.main()
