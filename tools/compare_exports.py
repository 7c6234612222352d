r"""Exports a trained network in every format and compares them: size, accuracy, time.

    python tools/compare_exports.py --model_dir=runs/quickstart --task=fashion_mnist_small \
        --output_dir=exports

Each export is a folder of --output_dir, made by tools/export.py; those of the same model that are
there already are not made again. All are then measured in one process, in turns, so that times can
be compared: they are multiples of the time of the same network under Python, on its fast path. The
table is printed, and saved as comparison.md and, with the settings, as comparison.json.
"""

import pathlib
import subprocess
import sys

from absl import app, flags
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer
from elastic_tf_tools.benchmarking.machine import describe_machine
from elastic_tf_tools.evaluate import load_run, split_batches
from elastic_tf_tools.exporting.comparison import (
    REFERENCE,
    python_model,
    quality,
    size_in_bytes,
    time_ratios,
)
from elastic_tf_tools.exporting.comparison_table import format_comparison
from elastic_tf_tools.exporting.earlier_export import check_earlier_export
from elastic_tf_tools.exporting.export_variants import (
    DYNAMIC,
    FORMATS,
    FULL,
    MOST_USED,
    export_variants,
)
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import write_json
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from elastic_tf.export.formats import QUANTIZATIONS
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.manifest import model_hash

FLAGS = flags.FLAGS
_EXPORT = pathlib.Path(__file__).with_name("export.py")


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("output_dir", None, "Folder for the exports.", flag_values=values)
    flags.DEFINE_string(
        "task", None, "The task; the network's first where left out.", flag_values=values
    )
    flags.DEFINE_list(
        "models",
        [DYNAMIC, "0", MOST_USED, FULL],
        f"What to export: {DYNAMIC}, {MOST_USED}, {FULL}, a level, or levels as in 3-0-1.",
        flag_values=values,
    )
    flags.DEFINE_multi_enum(
        "formats", list(FORMATS), FORMATS, "Formats; repeat the flag.", flag_values=values
    )
    flags.DEFINE_multi_enum(
        "quantizations",
        list(QUANTIZATIONS),
        QUANTIZATIONS,
        "Numbers of fixed LiteRT models beside float32; repeat the flag.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "batch_sizes", ["1", "64"], "Images in a prediction, integers >= 1.", flag_values=values
    )
    flags.DEFINE_float(
        "seconds_per_group", 60.0, "Time of a batch size's rounds, >= 0.", 0.0, flag_values=values
    )
    flags.DEFINE_integer("min_rounds", 5, "Rounds at least, >= 1.", 1, flag_values=values)
    flags.register_validator("batch_sizes", _are_sizes, "must be integers >= 1", flag_values=values)


def _are_sizes(texts):
    return bool(texts) and all(text.isdigit() and int(text) >= 1 for text in texts)


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run, network, specs = load_run(FLAGS.model_dir)
        specs = {spec.name: spec for spec in specs}
        task = FLAGS.task or next(iter(network.tasks))
        if task not in specs:
            raise ValueError(f"`--task` must be one of {', '.join(specs)}. Received: task={task}")
        variants = export_variants(
            FLAGS.models, FLAGS.formats, FLAGS.quantizations, network.num_levels
        )
        folders = _exported(variants, task, run)
        predictors, rows = _loaded(network, task, folders)
    _compare(rows, predictors, specs[task], network.cost_table(task).full_macs)
    settings = {"model_dir": FLAGS.model_dir, "task": task, **describe_machine()}
    sizes = list(map(int, FLAGS.batch_sizes))
    table = format_comparison(rows, sizes)
    print(f"\n{table}")
    _save(table, {"settings": settings, "rows": rows})


def _exported(variants, task, run):
    """Makes the exports that are not there; returns a dict from variant to its folder."""
    digest = model_hash(run)
    folders = {variant: pathlib.Path(FLAGS.output_dir) / variant.name for variant in variants}
    missing = [variant for variant in variants if not folders[variant].exists()]
    for variant in variants:  # All of them before the first is made.
        if variant not in missing:
            check_earlier_export(folders[variant], variant, task, digest)
    for number, variant in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {variant.name}", flush=True)
        _make(variant, task, folders[variant])
    return folders


def _make(variant, task, folder):
    command = [sys.executable, str(_EXPORT), f"--model_dir={FLAGS.model_dir}"]
    command += [f"--output_dir={folder}", *variant.flags, *_data_flags()]
    if (variant.model, variant.format) != (DYNAMIC, "keras"):  # That is the whole network.
        command.append(f"--task={task}")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ValueError(f"`{' '.join(command)}` must succeed. Received: {reason}")


def _data_flags():
    """Returns where the data are, as flags of tools/export.py."""
    return [
        FLAGS[name].serialize()
        for name in ("tasks", "data_dir")
        if not FLAGS[name].using_default_value
    ]


def _loaded(network, task, folders):
    """Returns functions from images to answers by name, and the begun rows of the table."""
    predictors = {REFERENCE: python_model(network, task)}
    rows = [_row(DYNAMIC, "Python", "none", None)]
    for variant, folder in folders.items():
        predictors[variant.name] = LoadedExport(folder, task).predict
        megabytes = 1e-6 * size_in_bytes(folder)
        rows.append(_row(variant.model, variant.format, variant.quantization, megabytes))
    return predictors, rows


def _compare(rows, predictors, spec, full_macs):
    """Fills the rows of the table, which `format_comparison` takes then."""
    print(f"Testing on the images of {spec.name} ...", flush=True)
    for row, predict in zip(rows, predictors.values(), strict=True):
        batches = split_batches(spec, "test").as_numpy_iterator()
        row |= quality(predict, batches, full_macs)
    images = next(split_batches(spec, "test").unbatch().batch(_largest()).as_numpy_iterator())[0]
    timer = InterleavedTimer(FLAGS.seconds_per_group, FLAGS.min_rounds)
    for size in map(int, FLAGS.batch_sizes):
        print(f"Measuring at batch size {size} ...", flush=True)
        ratios, seconds = time_ratios(predictors, images[:size], timer)
        print(f"{REFERENCE}: {1e3 * seconds:.2f} ms")
        for row, name in zip(rows, predictors, strict=True):
            row["time_ratios"][size] = ratios[name]


def _row(model, export_format, quantization, megabytes):
    return {
        "model": model,
        "format": export_format,
        "quantization": quantization,
        "megabytes": megabytes,
        "time_ratios": {},
    }


def _largest():
    return max(map(int, FLAGS.batch_sizes))


def _save(table, figures):
    folder = pathlib.Path(FLAGS.output_dir)
    (folder / "comparison.md").write_text(f"{table}\n")
    write_json(folder / "comparison.json", figures)
    print(f"\nSaved: {folder / 'comparison.md'}, {folder / 'comparison.json'}")


if __name__ == "__main__":
    define_flags(FLAGS)
    for _name in ("model_dir", "tasks", "data_dir"):
        flags.declare_key_flag(_name)  # So that --help shows them.
    for _name in ("model_dir", "output_dir"):
        flags.mark_flag_as_required(_name)
    app.run(main)
