"""A fixed model in every format."""

import keras
import tensorflow as tf

from elastic_tf.export.served_answers import served_probabilities
from elastic_tf.layers.empty_batch import run_unless_empty
from elastic_tf.models.fixed_network import fixed_network

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
    model = _with_probabilities(logits, options.input_dtype)
    if export_format == "keras":
        model.save(folder / "model.keras")
    elif export_format == "onnx":
        model(
            keras.ops.zeros((1, *model.input_shape[1:]), options.input_dtype)
        )  # Keras asks for it.
        model.export(str(folder / "model.onnx"), format="onnx", verbose=False)
    else:
        settings = _litert_settings(options.quantization, options.representative_images)
        model.export(str(folder / "model.tflite"), format="litert", verbose=False, **settings)


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


def _litert_settings(quantization, images):
    """Returns the attributes of the converter for a way to quantise.

    Args:
        quantization: one of `QUANTIZATIONS`.
        images: uint8 array `(images, *image_shape)` for `"int8"`, else `None`.

    Reference: Jacob et al., 2018 (arXiv 1712.05877).
    """
    settings = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    if quantization == "none":
        return settings
    settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        settings["target_spec"]["supported_types"] = [tf.float16]
    elif quantization == "int8":
        settings["target_spec"]["supported_ops"] = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        settings["representative_dataset"] = lambda: ([image[None]] for image in images)
    return settings
