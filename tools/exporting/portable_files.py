"""Functions of TensorFlow as files for other runtimes; outputs keep their names."""

import tempfile

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

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
