r"""Measures the elastic network beside plain ones: prediction, training, input pipeline.

    python tools/benchmark.py --backbone=wrn-32-4 --batch_sizes=1,8,128 --json_out=benchmark.json
    python tools/benchmark.py --model_dir=runs/quickstart --batch_sizes=1,32

Candidates take turns, and each is compared with the dense model in the same round. It takes some
minutes; the input pipeline is measured on --tasks, or on the tasks of --model_dir.
"""

import pathlib

import keras
import tensorflow as tf
from absl import app, flags
from elastic_tf_tools import data_flags, model_flags, training_flags  # noqa: F401
from elastic_tf_tools.benchmarking import report
from elastic_tf_tools.benchmarking.inference_rows import inference_rows
from elastic_tf_tools.benchmarking.input_rows import input_rows
from elastic_tf_tools.benchmarking.machine import describe_machine
from elastic_tf_tools.benchmarking.output_file import check_output_file
from elastic_tf_tools.benchmarking.plot import write_plot
from elastic_tf_tools.benchmarking.profiling_timer import ProfilingTimer
from elastic_tf_tools.benchmarking.subject import random_subject, trained_subject
from elastic_tf_tools.benchmarking.training_rows import training_rows
from elastic_tf_tools.evaluate import load_model, run_tasks
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import RunDirectory, write_json
from elastic_tf_tools.task_flag import check_network_tasks
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

import pipelines

FLAGS = flags.FLAGS

GROUPS = ("inference", "training", "input")

flags.DEFINE_list("measure", list(GROUPS), f"What to measure, each once, of: {', '.join(GROUPS)}.")
flags.DEFINE_list(
    "batch_sizes", ["1", "8", "128"], "Images in a prediction, integers >= 1, each once."
)
flags.DEFINE_integer("training_batch_size", 128, "Images in a training step, >= 1.", 1)
flags.DEFINE_float(
    "seconds_per_group",
    60.0,
    "Time for the rounds of one table, >= 0, seconds; building the graphs comes on top.",
    0.0,
)
flags.DEFINE_integer("min_rounds", 5, "Rounds of one table at least, >= 1.", 1)
flags.DEFINE_integer(
    "image_size", 32, "Height and width of random images, pixels, >= 1. Not with --model_dir.", 1
)
flags.DEFINE_string(
    "task", None, "Which task of --model_dir to predict and train; its first where left out."
)
flags.DEFINE_list(
    "profile_rows", [], "Rows whose time to print by operation too (elastic_random,train_initial)."
)
flags.DEFINE_string(
    "plot_out",
    None,
    "PNG of time over MACs; where left out, beside --json_out, with its name.",
)
flags.adopt_module_key_flags(model_flags)  # So that --help shows them.
for _name in ("tasks", "batch_size", "task_weights", "validation_share"):
    flags.declare_key_flag(_name)  # The input pipeline's.
for _name in ("data_dir", "cache_dir", "download"):
    flags.declare_key_flag(_name)
for _name in ("on_corrupt_image", "seed", "model_dir", "json_out"):
    flags.declare_key_flag(_name)


@flags.validator("measure", f"must name some of {', '.join(GROUPS)}, each once")
def _measure_is_known(names):
    return bool(names) and len(set(names)) == len(names) and set(names) <= set(GROUPS)


@flags.validator("batch_sizes", "must be integers >= 1, each once")
def _batch_sizes_are_valid(texts):
    try:
        sizes = [int(text) for text in texts]
    except ValueError:
        return False
    return bool(sizes) and min(sizes) >= 1 and len(set(sizes)) == len(sizes)


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        plot_out = _check_outputs()
        subject, specs = _trained_subject() if FLAGS.model_dir else (_random_subject(), None)
        stream = _input_stream(subject, specs) if "input" in FLAGS.measure else None
    tf.get_logger().setLevel("ERROR")  # So many graphs are meant; it would warn of each.
    settings = _settings(subject)
    print(f"{settings['backbone']}, images {settings['image_shape']}, on {settings['device']}")
    rows = _measure(subject, stream)
    settings["rounds"] = {
        f"{group}, batch size {row.batch_size}": len(row.seconds)
        for group, measured in rows.items()
        for row in measured
    }
    sentence = report.where_slower(rows["inference"], rows["training"])
    print(f"\n{sentence}" if sentence else "")
    figures = [row.figures() for measured in rows.values() for row in measured]
    if FLAGS.json_out:
        write_json(FLAGS.json_out, {"settings": settings, "rows": figures})
    if plot_out:
        write_plot(plot_out, rows["inference"], f"{settings['backbone']}, {settings['device']}")
    if FLAGS.json_out or plot_out:
        print("Saved:", ", ".join(str(path) for path in (FLAGS.json_out, plot_out) if path))


def _check_outputs():
    """Returns the path of the plot, or `None`, after a check that all files can be written."""
    plot_out = FLAGS.plot_out
    if "inference" not in FLAGS.measure:
        if plot_out:
            raise ValueError(
                "`--measure` must hold inference for a plot. "
                f"Received: measure={','.join(FLAGS.measure)}, plot_out={plot_out}"
            )
    elif FLAGS.json_out and not plot_out:
        plot_out = str(pathlib.Path(FLAGS.json_out).with_suffix(".png"))
    if plot_out and plot_out == FLAGS.json_out:
        raise ValueError(
            f"`--plot_out` must be another file than --json_out. Received: plot_out={plot_out}"
        )
    for flag, path in (("json_out", FLAGS.json_out), ("plot_out", plot_out)):
        if path:
            check_output_file(flag, path)
    return plot_out


def _random_subject():
    if FLAGS.task:
        raise ValueError(
            f"`--task` must be left out without --model_dir. Received: task={FLAGS.task}"
        )
    shape = (FLAGS.image_size, FLAGS.image_size, 3)
    keras.utils.set_random_seed(FLAGS.seed)
    network = model_flags.build_model({"random": {"image_shape": shape, "num_classes": 10}})
    return random_subject(network, _most_images(), FLAGS.seed)


def _trained_subject():
    """Returns the `Subject` of --model_dir and the `TaskSpec`s it was trained on."""
    for name in _flags_of_a_run():
        if not FLAGS[name].using_default_value:
            raise ValueError(
                f"`--{name}` must be left out with --model_dir, whose run says it. "
                f"Received: {name}={FLAGS[name].value}"
            )
    run = RunDirectory(FLAGS.model_dir)
    saved = run.read_flags()
    network = load_model(run)
    specs = run_tasks(saved)
    check_network_tasks(network, specs)
    keras.utils.set_random_seed(FLAGS.seed)
    arguments = data_flags.source_arguments()
    subject = trained_subject(network, specs, FLAGS.task, _most_images(), FLAGS.seed, **arguments)
    return subject, specs


def _flags_of_a_run():
    of_model = FLAGS.get_key_flags_for_module(model_flags.__name__)
    return ["tasks", "on_corrupt_image", "image_size", *(flag.name for flag in of_model)]


def _most_images():
    return max(FLAGS.training_batch_size, *map(int, FLAGS.batch_sizes))


def _input_stream(subject, specs):
    """Returns the network and the batches of the input pipeline's rows."""
    if specs:
        network = subject.copy_of_network()
    else:
        specs = data_flags.get_tasks()
        network = model_flags.build_model(data_flags.model_tasks(specs))
    batches = pipelines.training_batches(
        specs, data_flags.batch_sizes(specs), seed=FLAGS.seed, **data_flags.source_arguments()
    )
    return network, batches


def _measure(subject, stream):
    """Measures and prints group by group; returns a dict of lists of `Row`."""
    timer = ProfilingTimer(FLAGS.seconds_per_group, FLAGS.min_rounds, names=set(FLAGS.profile_rows))
    rows = {group: [] for group in GROUPS}
    if "inference" in FLAGS.measure:
        for size in map(int, FLAGS.batch_sizes):
            _announce(f"prediction at batch size {size}")
            measured = inference_rows(subject, size, timer)
            rows["inference"] += measured
            print(report.format_inference(measured), flush=True)
    if "training" in FLAGS.measure:
        _announce(f"training at batch size {FLAGS.training_batch_size}")
        rows["training"] = training_rows(subject, FLAGS.training_batch_size, timer)
        print(report.format_training(rows["training"]), flush=True)
    if stream:
        _announce("the input pipeline")
        rows["input"] = input_rows(*stream, timer)
        print(report.format_input(rows["input"]), flush=True)
    return rows


def _announce(group):
    print(f"\nMeasuring {group} ...", flush=True)


def _settings(subject):
    network = subject.network
    module = FLAGS.find_module_defining_flag("batch_sizes")  # "__main__" has another name here.
    return {
        "backbone": network.backbone,
        "task": subject.task,
        "image_shape": list(subject.images.shape[1:]),
        "ratios": network.estimator.block_ratios,
        "seed": FLAGS.seed,
        "model_dir": FLAGS.model_dir,
        **describe_machine(),
        "flags": {flag.name: flag.value for flag in FLAGS.get_key_flags_for_module(module)},
    }


if __name__ == "__main__":
    app.run(main)
