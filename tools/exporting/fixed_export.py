"""A fixed model in every format."""

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.export.served_answers import served_probabilities
from elastic_tf.layers.empty_batch import run_unless_empty
from elastic_tf.models.fixed_network import fixed_network
from tools.exporting.portable_files import write_litert, write_onnx

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
