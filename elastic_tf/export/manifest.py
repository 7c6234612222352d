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
# How an image comes to the size of a task.
_FITS = ("crop", "stretch")


def make_manifest(network, options, descriptions, provenance):
    """Returns the manifest, a dict for JSON.

    Args:
        network, options, descriptions, provenance: see `export_network`.
    """
    tasks = options.tasks_of(network)
    calibrations = {
        task: {"budgets": of.budgets.tolist(), "prices": of.prices.tolist()}
        for task, of in network.calibrations.items()
        if task in tasks
    }
    return {
        "format": options.format,
        "dynamic": options.levels is None,
        "budget": options.budget,
        "second_look": options.second_look,
        "input_dtype": options.input_dtype,
        "quantization": options.quantization,
        "any_image_size": options.any_image_size,
        "tasks": {
            task: _task(network, task, options, descriptions.get(task, {})) for task in tasks
        },
        "provenance": {
            "elastic_tf": __version__,
            "commit": _commit(),
            "tensorflow": tf.__version__,
            "calibrations": calibrations,
        }
        | provenance,
    }


def _task(network, task, options, description):
    height, width, channels = network.tasks[task]["image_shape"]
    numbers = [str(label) for label in range(network.tasks[task]["num_classes"])]
    table = network.cost_table(task)
    properties = {
        "labels": list(description.get("labels", numbers)),
        "image": {
            "height": height,
            "width": width,
            "channels": channels,
            "order": "RGB" if channels == 3 else "grey",
            "range": [0, 255],
            "rescaling": "within the model",
            "fit": description.get("fit", "crop"),
        },
        "full_macs": table.full_macs,
        "selector_macs": table.selector_macs,
    }
    if options.levels is not None:
        macs = int(table.macs(list(options.levels), with_selector=False))
        properties |= {"levels": list(options.levels), "macs": macs}
    if options.second_look:
        look = network.second_look(task, options.budget)
        properties["second_look"] = dataclasses.asdict(look)
    return properties


def model_hash(path):
    """Returns the SHA-256 of a file, str; `None` if there is none."""
    path = pathlib.Path(path)
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path):
    """Returns the manifest of an export.

    Args:
        path: str or path of the folder that `export_network` wrote.

    Raises:
        FileNotFoundError: if it is no such folder.
        ValueError: if the file is damaged.
    """
    for place in _PLACES:
        file = pathlib.Path(path) / place
        if file.exists():
            manifest = read_json(file)
            if any(key not in manifest for key in _KEYS):
                raise ValueError(f"{file} must have {', '.join(_KEYS)}. Received: another file")
            try:
                for task, of in manifest["tasks"].items():
                    _check_task(task, of, manifest["dynamic"])
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                received = f"{type(error).__name__}: {error}"
                raise ValueError(f"{file} must say what tasks are. Received: {received}") from None
            return manifest
    raise FileNotFoundError(
        f"An export must be a folder with an {FILE}. Received: {path}, without one"
    )


def _check_task(task, of, is_dynamic):
    """Raises an error of some kind unless a task is described as `_task` does it."""
    sizes = [of["full_macs"], *(of["image"][side] for side in ("height", "width", "channels"))]
    sizes += [] if is_dynamic else [of["macs"], 1 + min(of["levels"])]
    if not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise TypeError(f"sizes and MACs of '{task}' are {sizes}")
    if not of["labels"] or not all(isinstance(label, str) for label in of["labels"]):
        raise TypeError(f"labels of '{task}' are {of['labels']}")
    if of["image"]["fit"] not in _FITS:
        raise TypeError(f"fit of '{task}' is {of['image']['fit']}")


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
