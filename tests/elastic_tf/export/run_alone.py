"""Runs exports of a format in a process where nothing but the format's runtime can be imported.

Arguments: the format, an npz of batches, an npz to write answers to, folders of exports. It is a
script, not a module of tests, and imports nothing of ours.
"""

import sys

OURS = ["elastic_tf", "pipelines", "tools", "tests"]
BLOCKED = {
    "saved_model": ["keras"],
    "keras": [],
    "litert": ["keras", "tensorflow"],
    "onnx": ["keras", "tensorflow"],
}
kind, batches, answers, *folders = sys.argv[1:]
for name in OURS + BLOCKED[kind]:
    sys.modules[name] = None  # Importing it fails.
import numpy as np  # noqa: E402, behind what must not be imported.


def saved_model(folder):
    import tensorflow as tf

    loaded = tf.saved_model.load(folder)
    run = loaded.signatures["serving_default"]
    kept.append(loaded)
    return lambda images: {k: v.numpy() for k, v in run(images=tf.constant(images)).items()}


def keras(folder):
    import keras

    model = keras.saving.load_model(folder + "/model.keras")
    return lambda images: {"probabilities": np.asarray(model(images))}


def litert(folder):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(folder + "/model.tflite")
    kept.append(interpreter)
    run = interpreter.get_signature_runner("serving_default")
    return lambda images: run(images=images)


def onnx(folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(folder + "/model.onnx")
    names = [each.name for each in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(None, {"images": images}), strict=True))


kept, found = [], {}
for number, folder in enumerate(folders):
    run = locals()[kind](folder)
    for key, images in np.load(batches).items():
        for name, value in run(images).items():
            found[f"{number}/{key}/{name}"] = value
np.savez(answers, **found)
