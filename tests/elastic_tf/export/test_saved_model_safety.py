"""Tests of what a SavedModel may do."""

import inspect
import pathlib
import re
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.saved_model_safety import _REACHES_OUT, SavedModel, check_saved_model

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


# Arguments of TensorFlow's operations that are places outside of it.
PLACES = re.compile("file_?name|file_pattern|_file$|ckpt|memory_region|descriptor_source|address")


def call_again(graph):
    """Has the graph itself run what loads the weights."""
    nodes = graph.graph_def.node
    (restore,) = (node for node in nodes if node.name == graph.saver_def.restore_op_name)
    nodes.add().MergeFrom(restore)
    nodes[-1].name = "hidden"


def offer(graph):
    """Lets anybody call what loads the weights."""
    functions = [each.signature.name for each in graph.graph_def.library.function]
    (restore,) = (name for name in functions if "traced_restore" in name)
    graph.object_graph_def.nodes.add().function.concrete_functions.append(restore)


def pretend(graph):
    """Says of what is served that it saves the weights."""
    (served,) = graph.signature_def["serving_default"].outputs.values()
    graph.saver_def.save_tensor_name = served.name


class OperationsTest(tf.test.TestCase):
    def test_every_operation_of_tensorflow_that_names_a_place_is_one_that_reaches_out(self):
        named = [
            name
            for name, operation in inspect.getmembers(tf.raw_ops, callable)
            if any(map(PLACES.search, inspect.signature(operation).parameters))
        ]
        self.assertContainsSubset(["ReadFile", "ImmutableConst", "DecodeProtoV2"], named)
        self.assertEmpty([name for name in named if not _REACHES_OUT.search(name)])
        self.assertTrue(_REACHES_OUT.search("Abort"))


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

    @parameterized.parameters(
        (call_again, "the operation .*PartitionedCall in the graph"),
        (offer, "the operation call in __inference__traced_rest"),
        (pretend, "which reaches beyond the network"),
    )
    def test_what_saves_the_weights_is_let_pass_there_alone(self, change, message):
        self._save(REACHES["ReadFile"] if change is pretend else lambda x: 0)
        file = self.folder / "saved_model.pb"
        model = SavedModel.FromString(file.read_bytes())
        change(model.meta_graphs[0])
        file.write_bytes(model.SerializeToString())
        with self.assertRaisesRegex(ValueError, message):
            check_saved_model(self.folder)

    def test_what_is_none_is_refused(self):
        with self.assertRaises(FileNotFoundError):
            check_saved_model(self.folder)
        (self.folder / "saved_model.pb").write_bytes(b"\xff\xff")
        with self.assertRaisesRegex(ValueError, "saved_model.pb cannot be read"):
            check_saved_model(self.folder)


if __name__ == "__main__":
    tf.test.main()
