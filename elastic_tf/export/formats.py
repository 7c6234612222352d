"""A network that chooses by itself, or a fixed model, as the files of every format."""

import dataclasses
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from elastic_tf.export.dynamic_module import DynamicModule, served_answers, served_probabilities
from elastic_tf.inference.frozen_network import PortableNetwork
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.standalone import fixed_network


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Options of an export.

    Attributes:
        input_dtype: str, `"uint8"` or `"float32"`, of the images.
        manifest: path of the manifest's file, for formats that carry it within.
        quantization: one of `QUANTIZATIONS`, for a fixed model in LiteRT.
        representative_images: array `(images, *image_shape)` of `input_dtype`, to measure ranges of
            activations by; `None` unless `quantization` is `"int8"`.
    """

    input_dtype: str
    manifest: pathlib.Path
    quantization: str = "none"
    representative_images: Any = None


# The first with all operations that the routing needs in their present form.
ONNX_OPSET = 17


def write_litert(folder, function, settings=None):
    """Writes `model.tflite`, of builtin operators only.

    Args:
        folder: path of an existing folder.
        function: `tf.function` with an input signature, from images to a dict of tensors.
        settings: dict of attributes of the `TFLiteConverter`. Defaults to none.
    """
    module = tf.Module()
    module.predict = _without_variables(function)
    with tempfile.TemporaryDirectory() as saved:
        # From a SavedModel, for signatures with names.
        tf.saved_model.save(module, saved, signatures={"serving_default": module.predict})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        for name, value in (settings or {}).items():
            part, _, attribute = name.rpartition(".")
            setattr(getattr(converter, part) if part else converter, attribute, value)
        content = converter.convert()
    (folder / "model.tflite").write_bytes(content)


def _without_variables(function):
    """Returns a function whose variables are constants; the converter would keep them."""
    concrete = function.get_concrete_function()
    if not concrete.variables:
        return function
    constant = convert_variables_to_constants_v2(concrete, lower_control_flow=False)

    def run(images):
        return tf.nest.pack_sequence_as(concrete.structured_outputs, constant(images))

    return tf.function(run, function.input_signature)


def write_onnx(folder, function):
    """Writes `model.onnx`.

    Args:
        folder, function: see `write_litert`.
    """
    import tf2onnx  # Slow to import, and needed here only.

    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=ONNX_OPSET
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString())


QUANTIZATIONS = ("none", "float16", "dynamic", "int8")


def export_fixed(export_format, folder, network, task, levels, options):
    """Writes a fixed model.

    Args:
        export_format: str, of --format.
        folder: path of an empty folder.
        network: an `ElasticNetwork`.
        task: str.
        levels: sequence of int, one per block.
        options: `ExportOptions`.
    """
    logits = fixed_network(network.estimator, task, levels)
    if export_format == "saved_model":
        _save_module(folder, logits, options)
        return
    if export_format == "keras":
        _with_probabilities(logits, options.input_dtype).save(folder / "model.keras")
    elif export_format == "onnx":
        write_onnx(folder, _portable_function(logits, options.input_dtype))
    else:
        dtype = "float32" if options.quantization == "int8" else options.input_dtype
        settings = _litert_settings(options)
        write_litert(folder, _portable_function(logits, dtype), settings)


def _portable_function(logits, input_dtype):
    spec = tf.TensorSpec((None, *logits.input_shape[1:]), input_dtype, name="images")
    return tf.function(
        lambda images: served_probabilities(logits(tf.cast(images, tf.float32))), [spec]
    )


def _with_probabilities(logits, input_dtype):
    inputs = keras.Input(logits.input_shape[1:], dtype=input_dtype, name="images")
    probabilities = keras.layers.Softmax(name="probabilities")(logits(inputs))
    return keras.Model(inputs, probabilities, name="fixed_model")


def _save_module(folder, logits, options):
    module = tf.Module()
    module.model = logits
    module.manifest = tf.saved_model.Asset(str(options.manifest))
    spec = tf.TensorSpec((None, *logits.input_shape[1:]), options.input_dtype, name="images")
    module.predict = tf.function(lambda images: served_probabilities(_run(logits, images)), [spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.predict})


def _run(logits, images):
    images = tf.cast(images, tf.float32)
    return run_unless_empty(logits, images, logits.output_shape[1:])


def _litert_settings(options):
    """Returns the attributes of the converter for a way to quantise, a dict.

    Reference: Jacob et al., 2018 (arXiv 1712.05877).
    """
    if options.quantization == "none":
        return {}
    settings = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if options.quantization == "float16":
        settings["target_spec.supported_types"] = [tf.float16]
    elif options.quantization == "int8":
        images = _over_whole_range(options.representative_images)
        settings |= {
            "target_spec.supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8],
            "representative_dataset": lambda: ([image[None]] for image in images),
        }
        if options.input_dtype == "uint8":  # Integers from end to end.
            settings |= {"inference_input_type": tf.uint8, "inference_output_type": tf.uint8}
    return settings


def _over_whole_range(images):
    """Returns images as float32, with one pixel of 0 and one of 255.

    The range of the input is measured on them, too: so a number of the quantised input is a pixel.
    """
    images = images.astype(np.float32)
    images[0, 0, 0], images[0, -1, -1] = 0.0, 255.0
    return images


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
        write(
            folder,
            _portable_function_dynamic_export(network, tasks[0], choice, options.input_dtype),
        )


def _without_training(network):
    """Returns the network without the state of optimizers, which are most of a file."""
    copy = ElasticNetwork.from_config(ElasticNetwork.get_config(network))
    copy.estimator.set_weights(network.estimator.get_weights())
    copy.selector.set_weights(network.selector.get_weights())
    return copy


def _portable_function_dynamic_export(network, task, choice, input_dtype):
    price = 0.0
    if choice.budget is not None:
        price = float(network.calibrations[task].price(choice.budget))
    portable, table = PortableNetwork(network, task, price), network.cost_table(task)
    shape = (None, *network.tasks[task]["image_shape"])
    spec = tf.TensorSpec(shape, input_dtype, name="images")
    return tf.function(lambda images: served_answers(portable(images), table), [spec])
