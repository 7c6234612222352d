r"""Measures the elastic network beside standalone ones: prediction, training, input pipeline.

    python tools/benchmark.py --backbone=wrn-32-4 --json_out=benchmark.json --plot_out=benchmark.png
    python tools/benchmark.py --model_dir=runs/quickstart --batch_sizes=1,32

Candidates take turns, and each is compared with the dense model in the same round. It takes some
minutes; the input pipeline is measured on --tasks, or on the tasks of --model_dir.

    python tools/benchmark.py --model_dir=runs/quickstart --task=fashion_mnist_small \
        --exports=exports --batch_sizes=1,64

exports the network in every format instead, each into a folder of --exports as the export command
does, and compares size, accuracy, MACs and time, as multiples of the time of the same network under
Python. Exports of the same model that are there already are not made again. The table is printed,
and saved as comparison.md and, with the settings, as comparison.json.
"""

from elastic_tf_tools import flags
from elastic_tf_tools.benchmark_exports import (
    DYNAMIC,
    FULL,
    MOST_USED,
    compare_exports,
    export_variants,
    format_exports,
    make_exports,
)
from elastic_tf_tools.benchmark_report import draw_plot, format_rows, where_slower
from elastic_tf_tools.benchmark_rows import (
    Subject,
    inference_candidates,
    input_rows,
    random_network,
    random_subject,
    training_candidates,
)
from elastic_tf_tools.run_folder import load_run
from elastic_tf_tools.timing import InterleavedTimer, describe_machine
from elastic_tf_tools.training_settings import TrainingSettings

from absl import flags as absl_flags

from elastic_tf.export.manifest import model_hash
from elastic_tf.export.options import FORMATS, QUANTIZATIONS
from elastic_tf.files import check_output_file, output_folder, write_json, write_text

GROUPS = ("inference", "training", "input")
# Flags that are read with --exports alone, and without it alone.
_OF_EXPORTS = ("models", "formats", "quantizations")
_OF_ROWS = ("measure", "training_batch_size", "profile_rows", "json_out", "plot_out")


def define_flags(values):
    where = {"flag_values": values, "module_name": "command"}
    for name, known, help in (
        ("measure", GROUPS, "What to measure"),
        ("formats", FORMATS, "Formats of the exports"),
        ("quantizations", QUANTIZATIONS, "Numbers of fixed LiteRT models beside float32"),
    ):
        absl_flags.DEFINE_list(name, list(known), f"{help}: some of {', '.join(known)}.", **where)
        absl_flags.register_validator(
            name,
            lambda names, known=known: 0 < len(set(names) & set(known)) == len(names),
            f"must name some of {', '.join(known)}, each once",
            values,
        )
    for name, default, help in (
        ("batch_sizes", ["1", "8", "128"], "Images in a prediction, integers >= 1, each once."),
        ("profile_rows", [], "Rows whose time to print by operation (dense,train_initial)."),
        (
            "models",
            [DYNAMIC, "0", MOST_USED, FULL],
            f"What to export: {DYNAMIC}, {MOST_USED}, {FULL}, a level, or levels as in 3-0-1.",
        ),
    ):
        absl_flags.DEFINE_list(name, default, help, **where)
    absl_flags.register_validator(
        "batch_sizes", _are_sizes, "must be integers >= 1, each once", values
    )
    for name, default, low, help in (
        ("training_batch_size", 128, 1, "Images in a training step, >= 1."),
        ("min_rounds", 5, 1, "Rounds of one table at least, >= 1."),
        ("image_size", 32, 1, "Height and width of random images, pixels, without --model_dir."),
        ("seed", 0, 0, "Of all that is drawn, >= 0."),
    ):
        absl_flags.DEFINE_integer(name, default, help, low, **where)
    absl_flags.DEFINE_float(
        "seconds_per_group",
        60.0,
        "Time for the rounds of one table, >= 0, seconds; building the graphs comes on top.",
        0.0,
        **where,
    )
    for name, help in (
        ("model_dir", "Training run whose network to measure, in place of a random one."),
        ("task", "Which task of --model_dir to predict and train; its first where left out."),
        ("json_out", "JSON file of settings and figures."),
        ("plot_out", "PNG of prediction's time over MACs."),
        ("exports", "Folder for exports of --model_dir, to be compared in place of all else."),
    ):
        absl_flags.DEFINE_string(name, None, help, **where)
    flags.define_settings(values, "data", "network")


def _are_sizes(texts):
    valid = [text for text in texts if text.isdecimal() and int(text) >= 1]
    return bool(texts) and len(set(map(int, valid))) == len(texts)


def main(values):
    own = {flag.name: flag.value for flag in values.flags_by_module_dict()["command"]}
    given = [name for name in values if values[name].present]
    timer = InterleavedTimer(
        own["seconds_per_group"], own["min_rounds"], profiled=own["profile_rows"]
    )
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        _check_together(own, given)
        if own["model_dir"]:
            run, network, settings, specs = load_run(*flags.read_run(values))
            spec = _find_spec(own["task"], network, specs)
        else:
            sections = {name: flags.read_settings(name, values) for name in ("data", "network")}
            settings = TrainingSettings(**sections, seed=own["seed"])
            network, spec = random_network(settings.network, own["image_size"], own["seed"]), None
    if own["exports"]:
        arguments = flags.given(values, ["model_dir", "tasks", "data_dir", "download"])
        _compare_exports(own, run, network, spec, settings.data, timer, arguments)
    else:
        _benchmark(own, network, spec, settings, timer)


def _check_together(own, given):
    """Raises a `ValueError` unless flags go together.

    Args:
        own: dict of the command's own flags.
        given: list of str, the names of all flags given.
    """
    if own["exports"] and not own["model_dir"]:
        raise ValueError(
            f"`--exports` must have --model_dir beside it. Received: exports={own['exports']}"
        )
    others = (_OF_ROWS, "with --exports") if own["exports"] else (_OF_EXPORTS, "without --exports")
    refused = dict.fromkeys(*others)
    if own["model_dir"]:  # Which says it.
        names = [*flags.setting_names("network"), "image_size"]
        refused |= dict.fromkeys(names, "with --model_dir")
    else:
        refused["task"] = "without --model_dir"
    for name in given:
        if name in refused:
            raise ValueError(f"`--{name}` must be left out {refused[name]}. Received: --{name}")


def _find_spec(task, network, specs):
    """Returns the `TaskSpec` of a task, that of the network's first where it is `None`."""
    task = task or next(iter(network.tasks))
    if task not in network.tasks:
        raise ValueError(
            f"`--task` must be one of {', '.join(network.tasks)}. Received: task={task}"
        )
    return next(spec for spec in specs if spec.name == task)


def _benchmark(own, network, spec, settings, timer):
    """Measures the rows of --measure, on images of a task or random ones."""
    count = max(own["training_batch_size"], *map(int, own["batch_sizes"]))
    stream = None
    with flags.one_line_errors():
        _check_outputs(own)
        if spec:
            batches = settings.data.split_batches(spec, "test", count).as_numpy_iterator()
            subject = Subject(network, spec.name, *next(batches), True, own["seed"])
        else:
            subject = random_subject(network, count, own["seed"])
        if "input" in own["measure"]:
            specs = settings.data.task_specs()
            batches = settings.data.training_batches(specs, own["seed"])
            stream = settings.build_model(specs), batches
    about = {
        "backbone": network.backbone,
        "task": subject.task,
        "image_shape": list(subject.images.shape[1:]),
        "ratios": network.estimator.block_ratios,
        **describe_machine(),
        "flags": settings.flat() | own,
    }
    print(f"{network.backbone}, images {about['image_shape']}, on {about['device']}")
    groups = {}
    for group, measure in _measurements(own, subject, stream, timer).items():
        print(f"\nMeasuring: {group} ...", flush=True)
        groups[group] = measure()
        print(format_rows(group, groups[group]), flush=True)
    about["rounds"] = {group: len(rows[0].seconds) for group, rows in groups.items()}
    _report([row for rows in groups.values() for row in rows], about, own)


def _measurements(own, subject, stream, timer):
    """Returns what to measure, a dict from the title of a table to a function that gives its rows.

    Graphs are built when it is called.
    """
    found = {}
    if "inference" in own["measure"]:
        for size in map(int, own["batch_sizes"]):
            found[f"Prediction, batch size {size}"] = lambda size=size: timer.measure(
                inference_candidates(subject, size), size
            )
    if "training" in own["measure"]:
        size = own["training_batch_size"]
        found[f"Training step, batch size {size}"] = lambda: timer.measure(
            training_candidates(subject, size), size
        )
    if stream:
        found["Input pipeline, all tasks"] = lambda: input_rows(*stream, timer)
    return found


def _report(rows, about, own):
    """Prints where it is slower, and writes the files."""
    print(f"\n{where_slower(rows)}")
    if own["json_out"]:
        write_json(own["json_out"], {"settings": about, "rows": [row.figures() for row in rows]})
    if own["plot_out"]:
        predicted = [row for row in rows if not row.name.startswith(("train_", "input_"))]
        title = f"{about['backbone']}, {about['device']}"
        draw_plot(predicted, title).save(own["plot_out"])


def _compare_exports(own, run, network, spec, data, timer, arguments):
    """Exports the network of a run, and compares; `arguments` are those of `make_exports`."""
    with flags.one_line_errors():
        folder = output_folder(own["exports"], "exports")
        variants = export_variants(own["models"], own["formats"], own["quantizations"])
        digest = model_hash(run.model)
        exports = make_exports(folder, variants, spec.name, network, digest, arguments)
    sizes, test = list(map(int, own["batch_sizes"])), lambda: data.split_batches(spec, "test")
    rows = compare_exports(network, spec.name, exports, test, timer, sizes)
    table = format_exports(rows)
    print(f"\n{table}\n\nSaved: {folder / 'comparison.md'}, {folder / 'comparison.json'}")
    write_text(folder / "comparison.md", f"{table}\n")
    about = {"model_dir": own["model_dir"], "task": spec.name, **describe_machine()}
    write_json(folder / "comparison.json", {"settings": about, "rows": rows})


def _check_outputs(own):
    if own["plot_out"] and "inference" not in own["measure"]:
        raise ValueError(
            "`--measure` must hold inference for a plot. "
            f"Received: measure={','.join(own['measure'])}, plot_out={own['plot_out']}"
        )
    for name in ("json_out", "plot_out"):
        if own[name]:
            check_output_file(own[name], name)


if __name__ == "__main__":
    flags.run(__name__)
