r"""Exports a trained network for production.

    python tools/export.py --model_dir=runs/quickstart --format=saved_model --output_dir=served
    python tools/export.py --model_dir=runs/quickstart --format=onnx --task=digits --budget=0.4 \
        --output_dir=digits_at_40
    python tools/export.py --model_dir=runs/quickstart --format=litert --task=digits --level=1 \
        --quantization=int8 --output_dir=digits_int8

Without --levels or --level the export is dynamic: it routes every image by itself. At --budget it
does so by a dearer model where a cheaper one is unsure, or, with --policy=selector, by the selector
at a price; without, by the selector's own choice. With them it is one fixed model of standard
layers, and no larger than that. The folder holds the model and export.json: labels, preprocessing,
where it comes from. What was written is loaded and compared with the network, on the task's own
images where they are there, before the folder appears. With --any_image_size a SavedModel or ONNX
takes images of any height and width, and stretches them to the task's; otherwise they must have the
task's.

| format | file | dynamic | fixed |
| --- | --- | --- | --- |
| saved_model | a folder for TensorFlow alone | all tasks or one, any budget | one task |
|  |  | --quantization=bfloat16 | --quantization=bfloat16 |
| keras | model.keras | all tasks; needs elastic_tf | one task; Keras alone |
| litert | model.tflite | one task, one budget | one task; --quantization (others) |
| onnx | model.onnx | one task, one budget | one task |
"""

import dataclasses
import functools
import pathlib

from elastic_tf_tools import flags
from elastic_tf_tools.run_folder import RunFolder

import pipelines
from elastic_tf.export.manifest import model_hash
from elastic_tf.export.network_export import CHECKED_IMAGES, export_network
from elastic_tf.export.options import ExportOptions
from elastic_tf.files import check_free, read_json
from elastic_tf.models.tasks import check_task
from elastic_tf.policies.model_choice import parse_choice

MOST_USED = "most_used"
_REPRESENTATIVE_IMAGES = 256


def define_flags(values):
    """Adds the flags of this command to `absl.flags.FlagValues`."""
    define = functools.partial(flags.define, values)
    define("output_dir", None, "New or empty folder.", str, is_required=True)
    define("task", None, "The task to export; needed where there are several.", str)
    define(
        "levels",
        None,
        f"A fixed model: the level of every block, as in 3-0-1; or {MOST_USED}, that which the "
        "selector chose most often for the test images of --task.",
        str,
    )
    define("level", None, "A fixed model: this level in every block.", int, low=0)
    for field in dataclasses.fields(ExportOptions):
        if field.metadata:
            define(field.name, field.default, **field.metadata)
    define(
        "representative_images",
        None,
        "Validation images that ranges of activations are measured on for 'int8'; "
        f"{_REPRESENTATIVE_IMAGES} where left out.",
        int,
        low=1,
    )
    flags.define_run(values)


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        path, changes = flags.read_run(values)
        run = RunFolder(path)
        settings, network = run.read_settings(), run.load_model()
        options = _options(values, run, network)
        folder = pathlib.Path(values["output_dir"].value)
        check_free(folder)
        items, names = changes.pop("tasks", None), options.tasks_of(network)
        data = run.data_of(dataclasses.replace(settings.data, **changes))
        specs, descriptions = find_tasks(network, names, data, items)
        images = {
            name: _sample_images(data, name, spec, CHECKED_IMAGES) for name, spec in specs.items()
        }
        differences = export_network(
            network,
            folder,
            options,
            images,
            descriptions,
            _representative_images(values, data, names[0], specs[names[0]]),
            provenance(run),
        )
    for name, difference in differences.items():
        print(
            f"{name}: {options.choice}; on {CHECKED_IMAGES} images "
            f"({'noise' if images[name] is None else 'its images'}) probabilities differ from the "
            f"network's by {difference.probabilities:.1e} at most"
            f"{_of_levels(difference.other_levels)}"
        )
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"Saved: {folder}, {options.format}, {1e-6 * size:.2f} MB")


def _of_levels(share):
    return f", levels for {100 * share:.1f} % of them" if share else ""


def provenance(run):
    """Returns where an export comes from, a dict for JSON.

    Args:
        run: `RunFolder`.
    """
    return {
        "model": str(run.model),
        "model_sha256": model_hash(run.model),
        "flags": run.read_description(),
        "results": read_json(run.results) if run.results.exists() else None,
    }


def _options(values, run, network):
    """Returns the `ExportOptions`, checked."""
    task, levels = values["task"].value, values["levels"].value
    if levels == MOST_USED:
        levels = _most_used(run, task or next(iter(network.tasks)), network)
    choice = parse_choice(
        levels,
        values["level"].value,
        values["budget"].value,
        network.num_blocks,
        network.num_levels,
    )
    options = ExportOptions(
        values["format"].value,
        task,
        choice.levels,
        choice.budget,
        values["policy"].value,
        values["input_dtype"].value,
        values["quantization"].value,
        values["any_image_size"].value,
    )
    options.check(network)
    if values["representative_images"].value is not None and options.quantization != "int8":
        raise ValueError(
            "`--representative_images` must not be given but with --quantization=int8. Received: "
            f"representative_images={values['representative_images'].value}, "
            f"quantization={options.quantization}"
        )
    return options


def _most_used(run, task, network):
    """Returns the levels of the model that the test images of a task are on most often, a str."""
    check_task(task, network.tasks)
    if not run.results.exists():
        raise FileNotFoundError(
            f"`--levels={MOST_USED}` needs the {run.results.name} of a finished run. "
            f"Received: {run.path}, without one"
        )
    top = run.read_results()[task]["policy"]["top_models"][0]
    return "-".join(map(str, top["levels"]))


def find_tasks(network, names, data, items=None):
    """Finds out what is known of tasks, each by itself.

    How images are brought to a task's shape is part of the task's text, and known without them; the
    names of classes of your own images are not, and are numbers where these are missing.

    Args:
        network: the `ElasticNetwork`.
        names: list of str, the tasks wanted.
        data: `pipelines.DataSettings` of the run.
        items: sequence of str, as of --tasks, which stand above the run's for the tasks in them;
            `None` for the run's alone.

    Returns:
        Dict from name to `TaskSpec`, or `None` where the images are not there; and a dict from name
        to the task's description, as of `export_network`.

    Raises:
        ValueError: if a task is not known, or its images are not those of the training.
    """
    texts = {_name(task): task for task in pipelines.parse_tasks(data.tasks)}
    given = {_name(task): task for task in (pipelines.parse_tasks(items) if items else [])}
    others = [name for name in given if name not in network.tasks]
    if others:
        raise ValueError(
            f"`--tasks` must be of {', '.join(network.tasks)}, which the network was trained on. "
            f"Received: {', '.join(others)}"
        )
    texts |= given
    specs, descriptions = {}, {}
    for name in names:
        text = texts.get(name)
        fit = text.fit if isinstance(text, pipelines.OwnTask) else "crop"
        specs[name], descriptions[name] = None, {"fit": fit}
        try:
            specs[name] = _spec(name, text, data)
            pipelines.check_network_tasks(network.tasks, [specs[name]])
            descriptions[name]["labels"] = specs[name].class_names(data.data_dir)
        except pipelines.DataNotFoundError as error:
            print(
                f"The classes of {name} have numbers for names, as its images are not where they "
                f"were (--tasks says where they are): {error}"
            )
    return specs, descriptions


def _name(task):
    return task if isinstance(task, str) else task.name


def _spec(name, text, data):
    if isinstance(text, pipelines.OwnTask):
        return text.to_spec(**data.own_task_options())
    if text not in pipelines.task_names():
        raise ValueError(
            f"`--tasks` must say what the images of '{name}' are, which is neither a known task "
            f"nor described in the run's own --tasks. Received: {text}"
        )
    return pipelines.get_task(text)


def _sample_images(data, name, spec, count):
    """Returns images that the training did not see, uint8, or `None` where there are none."""
    try:
        return None if spec is None else data.sample_images(spec, count)
    except pipelines.DataNotFoundError as error:
        print(f"The images of {name} are not there: {error}")
        return None


def _representative_images(values, data, name, spec):
    if values["quantization"].value != "int8":
        return None
    count = values["representative_images"].value or _REPRESENTATIVE_IMAGES
    images = _sample_images(data, name, spec, count)
    if images is None:
        raise ValueError(
            "`--quantization` must not be int8 without images of the task to measure ranges on; "
            f"--tasks and --data_dir say where they are. Received: quantization=int8, task={name}"
        )
    return images


if __name__ == "__main__":
    flags.run(__name__)
