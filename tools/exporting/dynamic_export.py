"""A network that chooses by itself in every format."""

import tensorflow as tf

from elastic_tf.export.dynamic_module import DynamicModule
from elastic_tf.export.served_answers import served_answers
from elastic_tf.inference.portable_network import PortableNetwork
from elastic_tf.models.elastic_network import ElasticNetwork
from tools.exporting.portable_files import write_litert, write_onnx


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
        write = write_onnx if export_format == "onnx" else write_litert
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
