r"""Says what is on images, by an exported network.

    python tools/predict.py --model=served --task=fashion_mnist_small shoe.png photos/

Prints a line for each image: class, confidence, the levels of the model that was chosen, and its
MACs in % of the full model's, those of the selector included. Files are taken as they are named,
of folders all images in them. An image that cannot be read is reported on stderr, and does not stop
the others; the exit status is 1 then.
"""

import functools
import json
import pathlib
import sys

from elastic_tf_tools import flags

import numpy as np

import pipelines
from elastic_tf.export.loaded_export import LoadedExport


def define_flags(values):
    """Adds the flags of this command to `absl.flags.FlagValues`."""
    define = functools.partial(flags.define, values)
    define("model", None, "Folder that tools/export.py wrote.", str, is_required=True)
    define("task", None, "What the images are of; needed where there are several.", str)
    define(
        "budget",
        None,
        "Mean MACs per image for a dynamic saved_model; the export's own where left out.",
        float,
        above=0.0,
        high=1.0,
    )
    define("batch_size", 32, "Images at a time.", int, low=1)
    define("json", False, "Whether to print a line of JSON each.", bool)


def main(values):
    budget = values["budget"].value
    with flags.one_line_errors():
        paths, unreadable = image_paths(values.arguments)
        if unreadable and not paths:
            raise ValueError(
                f"Arguments hold no image: {pipelines.describe_unreadable(unreadable)}"
            )
        if not paths or "" in values.arguments:
            raise ValueError(
                "Arguments must be image files, or folders with some. "
                f"Received: {' '.join(map(repr, values.arguments)) or 'none'}"
            )
        export = LoadedExport(values["model"].value, values["task"].value)
        export.check_budget(budget)
    width, is_json = max(len(str(path)) for path in paths), values["json"].value
    if not is_json:
        print(f"{'image':<{width}}  {'class':<16} {'confidence':>10}  {'MACs %':>6}  model")
    num_read = 0
    for read, images in _batches(export, paths, values["batch_size"].value):
        num_read += len(read)
        for answer in _answers(export, read, export.predict(images, budget)):
            print(json.dumps(answer) if is_json else _row(answer, width), flush=True)
    if unreadable:
        print(f"error: {pipelines.describe_unreadable(unreadable)}", file=sys.stderr)
    wanted = len(paths) + len(unreadable)
    if num_read < wanted:
        sys.exit(f"error: {wanted - num_read} of {wanted} images could not be read")


def image_paths(arguments):
    """Returns the image files that are named, in order.

    Args:
        arguments: list of str. A file counts whatever its suffix; of a folder and those within it,
            files count that have an image's suffix, sorted; see `pipelines.find_images`.

    Returns:
        Two lists of `pathlib.Path`: images, and photographs in folders whose formats cannot be
        read. What does not exist is in the first; reading it will fail.
    """
    paths, unreadable = [], []
    for argument in arguments:
        path = pathlib.Path(argument).expanduser()
        if not path.is_dir():
            paths.append(path)
            continue
        for found, of in zip(pipelines.find_images(path), (paths, unreadable), strict=True):
            of += map(pathlib.Path, found)
    return paths, unreadable


def _batches(export, paths, batch_size):
    """Yields paths that could be read and their images; the others are named on stderr."""
    image, dtype = export.properties["image"], export.manifest["input_dtype"]
    # Images are read once; nothing is gained by keeping them.
    size = image["height"], image["width"]
    reader = pipelines.ReadableImages(size, image["channels"], image["fit"], 0)
    for start in range(0, len(paths), batch_size):
        images = {}
        for path in paths[start : start + batch_size]:
            try:
                images[path] = reader.read(path)
            except ValueError as error:
                print(f"error: {error}", file=sys.stderr)
        if images:
            yield list(images), np.stack(list(images.values())).astype(dtype)


def _answers(export, paths, answers):
    """Yields what to print of each image, a dict."""
    for row, path in enumerate(paths):
        label = int(answers["classes"][row])
        yield {
            "image": str(path),
            "class": export.properties["labels"][label],
            "confidence": round(float(answers["probabilities"][row, label]), 6),
            "levels": [int(level) for level in answers["levels"][row]],
            "macs_share": round(float(answers["macs"][row]) / export.properties["full_macs"], 6),
        }


def _row(answer, width):
    """Returns an answer as a row of the table, a str."""
    return (
        f"{answer['image']:<{width}}  {answer['class']:<16} "
        f"{100 * answer['confidence']:>8.1f} %  {100 * answer['macs_share']:>6.1f}  "
        f"{'-'.join(map(str, answer['levels']))}"
    )


if __name__ == "__main__":
    flags.run(__name__)
