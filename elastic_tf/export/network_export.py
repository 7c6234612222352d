"""A trained network as a folder for production."""

import pathlib
import tempfile

import numpy as np

from elastic_tf.export.check_export import check_export
from elastic_tf.export.formats import inference_copy, write_dynamic, write_fixed
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.manifest import FILE, make_manifest
from elastic_tf.export.options import ExportOptions
from elastic_tf.files import whole_folder, write_json
from elastic_tf.models.tasks import as_pixels, check_finite

CHECKED_IMAGES = 256


def export_network(
    network,
    folder,
    options=None,
    images=None,
    descriptions=None,
    representative_images=None,
    provenance=None,
):
    """Exports a network, or one of its models, as a folder that needs its format's runtime alone.

    It is in float32, whatever the network computes in, unless the options' `quantization` says
    otherwise. What was written is loaded by that runtime and compared with the network in float32
    before the folder appears: see `check_export`. After an error there is none.

    | format | file | dynamic | fixed |
    | --- | --- | --- | --- |
    | `saved_model` | a folder for TensorFlow alone | all tasks or one, any budget | one task |
    | `keras` | `model.keras` | the whole network; needs elastic_tf | one task; Keras alone |
    | `litert` | `model.tflite` | one task, one budget | one task; quantisation |
    | `onnx` | `model.onnx` | one task, one budget | one task |

    Images have the task's size, or any with the options' `any_image_size`: see `at_size_of`.

    Args:
        network: an `ElasticNetwork`, with calibrations for whatever is to be held to budgets.
        folder: str or path, new or empty.
        options: `ExportOptions`. Defaults to a dynamic SavedModel of all tasks.
        images: dict from task to the images that the export is checked on, array
            `(images, *image_shape)` of pixels that the options' `input_dtype` holds, or `None`;
            where there are fewer than 256, noise is added.
        descriptions: dict from task to what the export says of its images, a dict of `labels`, list
            of str, the names of the classes, which are numbers where left out; and `fit`, how
            images of another shape are brought to the task's, `"crop"` where left out.
        representative_images: array `(images, *image_shape)` to measure ranges of activations by;
            needed for `quantization="int8"`, and there alone.
        provenance: dict for JSON, kept in export.json beside versions, commit and calibrations.

    Returns:
        Dict from task to its `Difference` from the network.

    Raises:
        FileExistsError: if there is something in the folder.
        ImportError: if the format's packages are not installed.
        ValueError: if an argument is not usable, or the export differs from the network.

    Example:

    >>> options = ExportOptions(format="litert", task="digits", levels=[1, 1, 1])
    >>> export_network(network, "digits_1", options)
    >>> LoadedExport("digits_1").predict(images)["classes"]
    """
    options = options or ExportOptions()
    check_finite(network)
    options.check(network)
    if network.compute_dtype != "float32":
        network = inference_copy(network)
    if (options.quantization == "int8") != (representative_images is not None):
        raise ValueError(
            "`representative_images` must be given for quantization='int8', and there alone. "
            f"Received: quantization={options.quantization}, and "
            f"{'none' if representative_images is None else len(representative_images)}"
        )
    manifest = make_manifest(network, options, descriptions or {}, provenance or {})
    with whole_folder(folder, "folder") as stage:
        _write(stage, network, options, manifest, representative_images)
        return {
            task: check_export(
                LoadedExport(stage, task),
                network,
                options.choice,
                _checked_images(network, task, (images or {}).get(task), options.input_dtype),
            )
            for task in options.tasks_of(network)
        }


def _write(folder, network, options, manifest, representative_images):
    with tempfile.TemporaryDirectory() as beside:
        within = options.format == "saved_model"  # Among its assets.
        file = pathlib.Path(beside if within else folder) / FILE
        write_json(file, manifest)
        if options.levels is None:
            write_dynamic(folder, network, options, file)
        else:
            write_fixed(folder, network, options, file, representative_images)


def _checked_images(network, task, images, dtype):
    """Returns as many images as are checked, of the export's type, filled up with noise."""
    shape = (CHECKED_IMAGES, *network.tasks[task]["image_shape"])
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8).astype(dtype)
    if images is None:
        return noise
    images = as_pixels(images[:CHECKED_IMAGES], dtype)
    return np.concatenate([images, noise[len(images) :]])
