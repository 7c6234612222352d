"""The files of every format: of a network that chooses by itself, and of a fixed model."""

import importlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.export.dynamic_module import (
    DynamicModule,
    look_function,
    served_answers,
    served_probabilities,
)
from elastic_tf.export.image_sizes import at_size_of, images_spec
from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_network import PortableNetwork
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.standalone import fixed_network

# The first with all operations that the routing needs in their present form.
ONNX_OPSET = 17


def import_runtime(name):
    """Imports a package of a format, which need not be installed.

    Raises:
        ImportError: if it is not; it says what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"An export of this format needs {error.name}; `pip install elastic-tf[export]`"
        ) from None


def write_dynamic(folder, network, options, manifest):
    """Writes a network that routes every image by itself.

    Args:
        folder: path of an existing folder.
        network: an `ElasticNetwork`, calibrated where there is a budget.
        options: `ExportOptions` without levels.
        manifest: path of the manifest, which a SavedModel has among its assets.
    """
    tasks = options.tasks_of(network)
    if options.format == "keras":
        inference_copy(network).save(folder / "model.keras")
    elif options.format == "saved_model":
        module = DynamicModule(
            network,
            tasks,
            options.budget,
            options.input_dtype,
            options.dtype,
            options.any_image_size,
            options.policy,
        )
        _save_module(folder, module, manifest, module.signatures())
    else:
        function = _portable_function(network, tasks[0], options)
        (write_onnx if options.format == "onnx" else write_litert)(folder, function)


def inference_copy(network):
    """Returns the network in float32, without the state of optimizers, which are most of a file."""
    config = network.get_config() | {"dtype": "float32"}
    config.pop("seed", None)  # Of the training.
    copy = ElasticNetwork.from_config(config)
    copy.estimator.set_weights(network.estimator.get_weights())
    copy.selector.set_weights(network.selector.get_weights())
    copy.calibrations = dict(network.calibrations)
    copy.second_looks = dict(network.second_looks)
    return copy


def _portable_function(network, task, options):
    table, shape = network.cost_table(task), network.tasks[task]["image_shape"]
    spec = images_spec(shape, options.input_dtype, options.any_image_size)
    if options.second_look:
        look = network.second_look(task, options.budget)
        frozen = FrozenEstimator(network.estimator, task, "float32")
        return look_function(frozen, table, spec, look, options.format)
    price = 0.0
    if options.budget is not None:
        price = float(network.calibrations[task].price(options.budget))
    portable = PortableNetwork(network, task, price, options.format)
    return tf.function(
        lambda images: served_answers(portable(at_size_of(shape, images)), table), [spec]
    )


def write_fixed(folder, network, options, manifest, representative_images=None):
    """Writes a fixed model.

    Args:
        folder, network, manifest: see `write_dynamic`.
        options: `ExportOptions` with levels.
        representative_images: array `(images, *image_shape)`, to measure ranges of activations by;
            `None` unless they are quantised.
    """
    (task,) = options.tasks_of(network)
    if options.format == "keras":
        logits = fixed_network(network.estimator, task, options.levels)
        _with_probabilities(logits, options.input_dtype).save(folder / "model.keras")
        return
    function = _fixed_function(network, task, options)
    if options.format == "saved_model":
        module = tf.Module()
        module.predict = function
        _save_module(folder, module, manifest, {"serving_default": function})
    elif options.format == "onnx":
        write_onnx(folder, function)
    else:
        write_litert(folder, function, _converter_settings(options, representative_images))


def _fixed_function(network, task, options):
    """Returns a function of images, whose weights are constants, folded as of `FrozenEstimator`."""
    frozen = FrozenEstimator(network.estimator, task, options.dtype)
    shape = frozen.image_shape
    dtype = "float32" if options.quantization == "int8" else options.input_dtype
    images = images_spec(shape, dtype, options.any_image_size)

    def logits(images):
        return frozen.classify_at(images, options.levels)

    def guarded(images):
        return run_unless_empty(logits, images, (frozen.num_classes,), tf.float32)

    run = guarded if options.format == "saved_model" else logits
    return tf.function(
        lambda images: served_probabilities(run(at_size_of(shape, images))), [images]
    )


def _with_probabilities(logits, input_dtype):
    inputs = keras.Input(logits.input_shape[1:], dtype=input_dtype, name="images")
    probabilities = keras.layers.Softmax(name="probabilities")(logits(inputs))
    return keras.Model(inputs, probabilities, name="fixed_model")


def _save_module(folder, module, manifest, signatures):
    module.manifest = tf.saved_model.Asset(str(manifest))
    tf.saved_model.save(module, str(folder), signatures=signatures)


def write_onnx(folder, function):
    """Writes `model.onnx`.

    Args:
        folder, function: see `write_litert`.
    """
    model, _ = import_runtime("tf2onnx").convert.from_function(
        function, input_signature=function.input_signature, opset=ONNX_OPSET
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def write_litert(folder, function, settings=None):
    """Writes `model.tflite`, of builtin operators only.

    Args:
        folder: path of an existing folder.
        function: `tf.function` with an input signature and without variables, from images to a
            dict of tensors.
        settings: dict of attributes of the `TFLiteConverter`. Defaults to none.
    """
    module = tf.Module()
    module.predict = function
    with tempfile.TemporaryDirectory() as saved:
        # From a SavedModel, for signatures with names.
        tf.saved_model.save(module, saved, signatures={"serving_default": function})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        for name, value in (settings or {}).items():
            part, _, attribute = name.rpartition(".")
            setattr(getattr(converter, part) if part else converter, attribute, value)
        content = converter.convert()
    (folder / "model.tflite").write_bytes(content)


def _converter_settings(options, representative_images):
    """Returns the attributes of the converter for a way to quantise, a dict.

    Reference: Jacob et al., 2018 (arXiv 1712.05877).
    """
    if options.quantization == "none":
        return {}
    settings = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if options.quantization == "float16":
        settings["target_spec.supported_types"] = [tf.float16]
    elif options.quantization == "int8":
        images = _over_whole_range(representative_images)
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
    images = np.array(images, np.float32)
    images[0, 0, 0], images[0, -1, -1] = 0.0, 255.0
    return images
