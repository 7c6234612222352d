"""A network that chooses by itself in every format."""

import tempfile

import tensorflow as tf

from elastic_tf.export.dynamic_module import DynamicModule
from elastic_tf.export.served_answers import served_answers
from elastic_tf.inference.portable_network import PortableNetwork
from elastic_tf.models.elastic_network import ElasticNetwork

# The first with all operations that the routing needs in their present form.
ONNX_OPSET = 17


def export_dynamic(export_format, folder, network, tasks, choice, options):
    """Writes a network that routes every image by itself.

    Args:
        export_format: str, of --format.
        folder: path of an empty folder.
        network: an `ElasticNetwork` with the tasks' calibrations, where there are any.
        tasks: list of str; one for LiteRT and ONNX.
        choice: `ModelChoice` without levels.
        options: `ExportOptions`.
    """
    if export_format == "keras":
        _without_training(network).save(folder / "model.keras")
    elif export_format == "saved_model":
        module = DynamicModule(
            network, tasks, budget=choice.budget, input_dtype=options.input_dtype
        )
        module.manifest = tf.saved_model.Asset(str(options.manifest))
        tf.saved_model.save(module, str(folder), signatures=module.signatures())
    else:
        write = _write_onnx if export_format == "onnx" else _write_litert
        write(folder, _portable_function(network, tasks[0], choice, options.input_dtype))


def _without_training(network):
    """Returns the network without the state of optimizers, which are most of a file."""
    copy = ElasticNetwork.from_config(ElasticNetwork.get_config(network))
    copy.estimator.set_weights(network.estimator.get_weights())
    copy.selector.set_weights(network.selector.get_weights())
    return copy


def _portable_function(network, task, choice, input_dtype):
    price = 0.0
    if choice.budget is not None:
        price = float(network.calibrations[task].price(choice.budget))
    portable, table = PortableNetwork(network, task, price), network.cost_table(task)
    shape = (None, *network.tasks[task]["image_shape"])
    spec = tf.TensorSpec(shape, input_dtype, name="images")
    return tf.function(lambda images: served_answers(portable(images), table), [spec])


def _write_litert(folder, function):
    module = tf.Module()
    module.predict = function
    with tempfile.TemporaryDirectory() as saved:
        # From a SavedModel, for signatures with names.
        tf.saved_model.save(module, saved, signatures={"serving_default": function})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        content = converter.convert()
    (folder / "model.tflite").write_bytes(content)


def _write_onnx(folder, function):
    import tf2onnx  # Slow to import, and needed here only.

    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=ONNX_OPSET
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString())
