"""What an export says of itself: `export.json`, beside the model or among its assets."""

import dataclasses
import hashlib
import pathlib
import subprocess

import tensorflow as tf

from elastic_tf.files import read_json
from elastic_tf.version import __version__

FILE = "export.json"
# Of a SavedModel, whose own files lie above.
_PLACES = (FILE, f"assets/{FILE}")
_KEYS = ("format", "dynamic", "tasks", "input_dtype")


@dataclasses.dataclass(frozen=True)
class TaskImages:
    """What is known of a task's images beside their shape.

    Attributes:
        labels: list of str, the names of the classes.
        fit: how images of another shape are brought to it, see `standard_image`.
    """

    labels: list
    fit: str = "crop"


def make_manifest(export_format, choice, network, images, input_dtype, quantization):
    """Returns the manifest, a dict for JSON.

    Args:
        export_format: str, of --format.
        choice: `ModelChoice`.
        network: an `ElasticNetwork`.
        images: dict from each task that is exported to its `TaskImages`.
        input_dtype: str, of the images.
        quantization: str, of --quantization.
    """
    return {
        "format": export_format,
        "dynamic": choice.levels is None,
        "budget": choice.budget,
        "input_dtype": input_dtype,
        "quantization": quantization,
        "tasks": {task: _task(network, task, of, choice) for task, of in images.items()},
    }


def _task(network, task, images, choice):
    height, width, channels = network.tasks[task]["image_shape"]
    table = network.cost_table(task)
    properties = {
        "labels": images.labels,
        "image": {
            "height": height,
            "width": width,
            "channels": channels,
            "order": "RGB" if channels == 3 else "grey",
            "range": [0, 255],
            "rescaling": "within the model",
            "fit": images.fit,
        },
        "full_macs": table.full_macs,
        "selector_macs": table.selector_macs,
    }
    if choice.levels is not None:
        macs = int(table.macs(list(choice.levels), with_selector=False))
        properties |= {"levels": list(choice.levels), "macs": macs}
    return properties


def provenance(run):
    """Returns where an export comes from, a dict: run, hash of its model, flags, results, versions.

    Args:
        run: `RunDirectory`.
    """
    return {
        "model": str(run.model),
        "model_sha256": model_hash(run),
        "flags": run.read_flags(),
        "results": read_json(run.results) if run.results.exists() else None,
        "calibration": read_json(run.calibration) if run.calibration.exists() else None,
        "elastic_tf": __version__,
        "commit": _commit(),
        "tensorflow": tf.__version__,
    }


def model_hash(run):
    """Returns the SHA-256 of a run's model file, str; `None` if there is none.

    Args:
        run: `RunDirectory`.
    """
    if not run.model.exists():
        return None
    with run.model.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path):
    """Returns the manifest of an export.

    Args:
        path: str or path of the folder that tools/export.py wrote.

    Raises:
        FileNotFoundError: if it is no such folder.
        ValueError: if the file is damaged.
    """
    for place in _PLACES:
        file = pathlib.Path(path) / place
        if file.exists():
            manifest = read_json(file)
            if not isinstance(manifest, dict) or any(key not in manifest for key in _KEYS):
                raise ValueError(f"{file} must have {', '.join(_KEYS)}. Received: another file")
            return manifest
    raise FileNotFoundError(
        f"`--model` must be a folder of tools/export.py, with an {FILE}. Received: model={path}"
    )


def _commit():
    """Returns the commit of the source where that is a clone, with `-dirty` if it was changed."""
    source = pathlib.Path(__file__).resolve().parents[2]
    # The package may lie in an environment within somebody else's repository.
    top = _git(source, "rev-parse", "--show-toplevel")
    if top is None or pathlib.Path(top).resolve() != source:
        return None
    return _git(source, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder, *arguments):
    """Returns what a command of git prints, or `None` if it fails or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
