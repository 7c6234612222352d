r"""Exports a trained network for production.

    python tools/export.py --model_dir=runs/quickstart --format=saved_model --output_dir=served
    python tools/export.py --model_dir=runs/quickstart --format=litert --task=digits --level=1 \
        --quantization=int8 --output_dir=digits_int8

Without --levels or --level the export is dynamic: it routes every image by itself, at --budget
or by the selector's own choice. With them it is one fixed model of standard layers, and no larger
than that. The folder holds the model and export.json: labels, preprocessing, where it comes from.
What was written is loaded and compared with the network, on the task's own images where they are
there, before the folder appears.

| format | file | dynamic | fixed |
| --- | --- | --- | --- |
| saved_model | a folder for TensorFlow alone | all tasks or one, any budget | one task |
| keras | model.keras | all tasks; needs elastic_tf | one task; Keras alone |
| litert | model.tflite | one task, one budget | one task; --quantization |
| onnx | model.onnx | one task, one budget | one task |
"""

import pathlib
import tempfile

import numpy as np
from absl import app, flags
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.evaluate import load_model
from elastic_tf_tools.exporting.export_tasks import export_tasks, sample_images
from elastic_tf_tools.exporting.export_variants import FORMATS, MOST_USED
from elastic_tf_tools.exporting.staged_output import check_free, staged_output
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import RunDirectory, read_json, write_json
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

import pipelines
from elastic_tf.export.check_export import check_export
from elastic_tf.export.formats import QUANTIZATIONS, ExportOptions, export_dynamic, export_fixed
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.manifest import FILE, make_manifest, provenance
from elastic_tf.policies.model_choice import ModelChoice, parse_choice

FLAGS = flags.FLAGS
_ONE_TASK = ("litert", "onnx")
_CHECKED_IMAGES = 256
_REPRESENTATIVE_IMAGES = 256


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("output_dir", None, "New or empty folder.", flag_values=values)
    flags.DEFINE_enum("format", "saved_model", FORMATS, "What to write.", flag_values=values)
    flags.DEFINE_string(
        "task", None, "The task to export; needed where there are several.", flag_values=values
    )
    flags.DEFINE_string(
        "levels",
        None,
        f"A fixed model: the level of every block, as in 3-0-1; or {MOST_USED}, that which the "
        "selector chose most often for the test images of --task.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "level", None, "A fixed model: this level in every block, >= 0.", 0, flag_values=values
    )
    flags.DEFINE_enum(
        "quantization",
        "none",
        QUANTIZATIONS,
        "Numbers of a fixed LiteRT model: float32 ('none'); weights in float16; weights in int8 "
        "('dynamic'); weights and activations in int8, with uint8 images and probabilities.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "representative_images",
        None,
        "Validation images that ranges of activations are measured on for 'int8', >= 1; "
        f"{_REPRESENTATIVE_IMAGES} where left out.",
        1,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "input_dtype",
        "uint8",
        ["uint8", "float32"],
        "Type of the images that the export takes; pixels are in 0..255.",
        flag_values=values,
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run = RunDirectory(FLAGS.model_dir)
        saved = run.read_flags()
        network = load_model(run)
        names = _tasks(network)
        choice = _choice(run, network, names)
        _check_combination(choice)
        check_free(FLAGS.output_dir)
        network.calibrations = _calibrations(run, names, choice)
        items = None if FLAGS["tasks"].using_default_value else FLAGS.tasks
        tasks = export_tasks(network, names, saved, items, FLAGS.data_dir)
        manifest = make_manifest(
            FLAGS.format,
            choice,
            network,
            {name: task.images for name, task in tasks.items()},
            FLAGS.input_dtype,
            FLAGS.quantization,
        ) | {"provenance": provenance(run)}
        images = _representative_images(tasks[names[0]], saved)
        with staged_output(FLAGS.output_dir) as folder:
            _write(folder, network, names, choice, manifest, images)
            lines = [_check(folder, network, task, choice, saved) for task in tasks.values()]
    _report(lines)


def _tasks(network):
    names = list(network.tasks)
    fixed = FLAGS.levels is not None or FLAGS.level is not None
    if FLAGS.task is not None:
        if FLAGS.task not in names:
            raise ValueError(
                f"`--task` must be one of {', '.join(names)}. Received: task={FLAGS.task}"
            )
        if FLAGS.format == "keras" and not fixed:
            raise ValueError(
                "`--task` must not be given for the whole network as .keras. "
                f"Received: task={FLAGS.task}"
            )
        return [FLAGS.task]
    if len(names) > 1 and (fixed or FLAGS.format in _ONE_TASK):
        what = "a fixed model" if fixed else FLAGS.format
        raise ValueError(f"`--task` must be one of {', '.join(names)} for {what}. Received: None")
    return names


def _choice(run, network, tasks):
    if FLAGS.levels == MOST_USED:
        if FLAGS.level is not None or FLAGS.budget is not None:
            raise ValueError(
                "Only one of `--levels`, `--level` and `--budget` must be given. "
                f"Received: levels={MOST_USED}, level={FLAGS.level}, budget={FLAGS.budget}"
            )
        return ModelChoice(levels=_most_used(run, tasks[0]))
    return parse_choice(
        FLAGS.levels, FLAGS.level, FLAGS.budget, network.num_blocks, network.num_levels
    )


def _most_used(run, task):
    if not run.results.exists():
        raise FileNotFoundError(
            f"`--levels={MOST_USED}` needs the {run.results.name} of a finished run. "
            f"Received: {run.path}, without one"
        )
    return tuple(read_json(run.results)[task]["policy"]["top_models"][0]["levels"])


def _check_combination(choice):
    if FLAGS.quantization != "none" and (FLAGS.format != "litert" or choice.levels is None):
        raise ValueError(
            "`--quantization` must be none but for a fixed model as litert (--format=litert and "
            f"--level or --levels). Received: quantization={FLAGS.quantization}, "
            f"format={FLAGS.format}, {choice}"
        )
    if FLAGS.representative_images is not None and FLAGS.quantization != "int8":
        raise ValueError(
            "`--representative_images` must not be given but with --quantization=int8. Received: "
            f"representative_images={FLAGS.representative_images}, "
            f"quantization={FLAGS.quantization}"
        )
    if FLAGS.format == "keras" and choice.budget is not None:
        raise ValueError(
            "`--budget` must not be given for a .keras file, which has no calibration; "
            f"saved_model, litert and onnx keep it. Received: budget={choice.budget}"
        )


def _calibrations(run, tasks, choice):
    """Returns what is known of budgets, a dict from task to `BudgetCalibration`."""
    if choice.budget is not None:
        return read_calibrations(run.calibration, tasks)
    if FLAGS.format != "saved_model" or choice.levels is not None or not run.calibration.exists():
        return {}  # None that a call could name.
    found = read_calibrations(run.calibration, tasks, partial=True)
    for task in tasks:
        if task not in found:
            print(f"{task} takes no budget: {run.calibration} lacks it (tools/calibrate.py)")
    return found


def _source_arguments(saved):
    return {
        "data_dir": FLAGS.data_dir,
        "validation_share": saved["validation_share"],
        "download": FLAGS.download,
    }


def _representative_images(task, saved):
    if FLAGS.quantization != "int8":
        return None
    count = FLAGS.representative_images or _REPRESENTATIVE_IMAGES
    try:
        if task.spec is None:
            raise pipelines.DataNotFoundError("there are none")
        images = sample_images(task.spec, count, **_source_arguments(saved))
    except pipelines.DataNotFoundError as error:
        raise ValueError(
            "`--quantization` must not be int8 without images of the task to measure ranges on; "
            "--tasks and --data_dir say where they are. "
            f"Received: quantization=int8, task={task.name}: {error}"
        ) from None
    return images.astype(FLAGS.input_dtype)


def _checked_images(task, network, saved):
    """Returns images to check an export on, uint8, and what they are, a str."""
    shape = (_CHECKED_IMAGES, *network.tasks[task.name]["image_shape"])
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if task.spec is None:
        return noise, "noise"
    try:
        images = sample_images(task.spec, _CHECKED_IMAGES, **_source_arguments(saved))
    except pipelines.DataNotFoundError as error:
        print(f"{task.name} is checked on noise: {error}")
        return noise, "noise"
    # A small split is filled up.
    return np.concatenate([images, noise[len(images) :]]), "its images"


def _write(folder, network, tasks, choice, manifest, images):
    with tempfile.TemporaryDirectory() as beside:
        within = FLAGS.format == "saved_model"
        file = pathlib.Path(beside if within else folder) / FILE
        write_json(file, manifest)
        options = ExportOptions(FLAGS.input_dtype, file, FLAGS.quantization, images)
        if choice.levels is None:
            export_dynamic(FLAGS.format, folder, network, tasks, choice, options)
        else:
            export_fixed(FLAGS.format, folder, network, tasks[0], choice.levels, options)


def _check(folder, network, task, choice, saved):
    """Returns a line on how far the export is from the network; a `ValueError` if too far."""
    images, kind = _checked_images(task, network, saved)
    found = check_export(LoadedExport(folder, task.name), network, choice, images)
    return (
        f"{task.name}: {choice}; on {len(images)} images ({kind}) probabilities differ from the "
        f"network's by {found.probabilities:.1e} at most"
    )


def _report(lines):
    folder = pathlib.Path(FLAGS.output_dir)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print("\n".join([*lines, f"Saved: {folder}, {FLAGS.format}, {1e-6 * size:.2f} MB"]))


if __name__ == "__main__":
    define_flags(FLAGS)
    for _name in ("model_dir", "budget", "tasks", "data_dir"):
        flags.declare_key_flag(_name)  # So that --help shows them.
    for _name in ("model_dir", "output_dir"):
        flags.mark_flag_as_required(_name)
    app.run(main)
