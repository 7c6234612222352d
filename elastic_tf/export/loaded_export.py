"""An export of any format, ready to predict."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.export.dynamic_module import served_answers
from elastic_tf.export.formats import import_runtime
from elastic_tf.export.manifest import read_manifest
from elastic_tf.export.saved_model_safety import check_saved_model
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.models.tasks import as_pixels, warn_of_pixels
from elastic_tf.policies.budget import check_budget_number

OUTPUTS = ("probabilities", "classes", "levels", "macs")


class LoadedExport:
    """A folder of `export_network`, loaded by the runtime that its format is for.

    Args:
        path: str or path of the folder.
        task: str; `None` where the export has one task only.

    Attributes:
        manifest: dict, see `make_manifest`.
        task: str.
        properties: dict, what the manifest says of the task.

    Raises:
        FileNotFoundError: if there is no such export.
        ImportError: if the runtime is not installed.
        ValueError: if the export is damaged, a SavedModel that does more than compute (see
            `check_saved_model`), or `task` is not one of its tasks.
    """

    def __init__(self, path, task=None):
        self.path = pathlib.Path(path)
        self.manifest = read_manifest(self.path)
        tasks = self.manifest["tasks"]
        if task is None and len(tasks) == 1:
            (task,) = tasks
        if task not in tasks:
            raise ValueError(f"`task` must be one of {', '.join(tasks)}. Received: task={task}")
        self.task, self.properties = task, tasks[task]
        self._run_at_budget = None
        self._run = self._loaded()

    @property
    def takes_budget(self):
        """bool, whether `predict` can be given a budget."""
        return self._run_at_budget is not None

    def check_budget(self, budget):
        """Raises a `ValueError` if the export cannot be held to a budget; `None` is always fine."""
        if budget is None:
            return
        check_budget_number(budget)
        if not self.takes_budget:
            raise ValueError(
                "`budget` must not be given but for a dynamic saved_model with a calibration; "
                "litert and onnx keep to that of their export. "
                f"Received: budget={budget}, {self.path}"
            )

    def predict(self, images, budget=None):
        """Returns the answers to images.

        Args:
            images: array `(batch, height, width, channels)`, pixels in 0..255 that the manifest's
                `input_dtype` holds; of any height and width where it has `any_image_size`. A batch
                may be empty but for LiteRT.
            budget: float in (0, 1], see `check_budget`; `None` for the export's own choice.

        Returns:
            Dict of arrays: `probabilities`, `classes`, `levels` and `macs`, as `served_answers` has
            them, for a fixed model too.

        Raises:
            ValueError: if `input_dtype` does not hold the pixels.
        """
        images = as_pixels(images, self.manifest["input_dtype"])
        warn_of_pixels({self.task: images})
        outputs = self._run(images) if budget is None else self._run_at_budget(images, budget)
        found = {name: np.asarray(value) for name, value in outputs.items()}
        found.setdefault("classes", found["probabilities"].argmax(-1).astype(np.int32))
        if not self.manifest["dynamic"]:
            count = len(images)
            found["levels"] = np.tile(np.int32(self.properties["levels"]), (count, 1))
            found["macs"] = np.full(count, self.properties["macs"], np.int64)
        return {name: found[name] for name in OUTPUTS}

    def _loaded(self):
        """Returns the function from images to a dict of arrays."""
        loaders = {
            "saved_model": self._load_saved_model,
            "keras": self._load_keras,
            "litert": self._load_litert,
            "onnx": self._load_onnx,
        }
        try:
            return loaders[self.manifest["format"]]()
        except ImportError:
            raise
        except Exception as error:  # Each runtime raises what its reader did.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"{self.path} must be a whole export of {self.manifest['format']}. "
                f"Received: {reason}"
            ) from None

    def _load_saved_model(self):
        check_saved_model(self.path)
        loaded = tf.saved_model.load(str(self.path))
        signatures = loaded.signatures
        run = signatures[self.task if self.manifest["dynamic"] else "serving_default"]
        at_budget = signatures.get(f"{self.task}_at_budget")
        if at_budget is not None:
            self._run_at_budget = lambda images, budget: at_budget(
                images=tf.constant(images), budget=tf.constant(budget, tf.float32)
            )
        self._loaded_module = loaded  # Its functions do not keep it.
        return lambda images: run(images=tf.constant(images))

    def _load_keras(self):
        model = keras.saving.load_model(self.path / "model.keras")
        spec = tf.TensorSpec((None, *self._image_shape()), self.manifest["input_dtype"])
        if not self.manifest["dynamic"]:
            classes = model.output_shape[1:]
            return tf.function(
                lambda images: {
                    "probabilities": run_unless_empty(model, images, classes, tf.float32)
                },
                [spec],
            )
        table = model.cost_table(self.task)
        return tf.function(
            lambda images: served_answers(model(images, task=self.task, return_levels=True), table),
            [spec],
        )

    def _image_shape(self):
        image = self.properties["image"]
        return image["height"], image["width"], image["channels"]

    def _load_litert(self):
        litert = import_runtime("ai_edge_litert.interpreter")
        file = str(self.path / "model.tflite")
        interpreter = litert.Interpreter(file, num_threads=_num_cores())
        (name,) = interpreter.get_signature_list()
        run = interpreter.get_signature_runner(name)
        (argument,) = interpreter.get_signature_list()[name]["inputs"]
        scales = {
            name: each["quantization"] for name, each in run.get_output_details().items()
        }  # Of integers that stand for other numbers; else 0.
        return lambda images: {
            name: _dequantized(value, *scales[name])
            for name, value in run(**{argument: images}).items()
        }

    def _load_onnx(self):
        onnxruntime = import_runtime("onnxruntime")
        session = onnxruntime.InferenceSession(str(self.path / "model.onnx"))
        (argument,) = (each.name for each in session.get_inputs())
        names = [each.name for each in session.get_outputs()]
        return lambda images: dict(zip(names, session.run(None, {argument: images}), strict=True))


def _num_cores():
    """Returns how many cores this process may use; where the system does not say, all of them."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Of Linux alone.
        return os.cpu_count() or 1


def _dequantized(value, scale, zero_point):
    return np.float32(scale) * (np.float32(value) - zero_point) if scale else value
