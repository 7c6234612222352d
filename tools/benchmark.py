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
and saved as comparison.md and, with the settings, as comparison.json; comparison.png draws accuracy
against measured time.

    python tools/benchmark.py --model_dir=runs/quickstart --task=fashion_mnist_small \
        --exports=exports --formats=onnx --batch_sizes=1,64 \
        --models=front,selector@0.3,selector@0.5,second_look@0.3,second_look@0.5 \
        --beside=runs/narrow

is the picture of what choosing buys in time: the selector and second looks at budgets, fixed
models, and networks that were trained to be no more than that.
"""

import functools
import itertools
import os
import pathlib

from elastic_tf_tools import flags
from elastic_tf_tools.benchmark_exports import (
    DYNAMIC,
    FRONT,
    FULL,
    MOST_USED,
    Variant,
    compare_exports,
    export_variants,
    format_exports,
    front_models,
    make_exports,
)
from elastic_tf_tools.benchmark_report import draw_plot, format_rows, where_slower
from elastic_tf_tools.benchmark_rows import (
    inference_candidates,
    input_rows,
    training_candidates,
)
from elastic_tf_tools.benchmark_subject import Subject, random_network, random_subject
from elastic_tf_tools.run_folder import RunFolder, load_run
from elastic_tf_tools.timing import InterleavedTimer, describe_machine
from elastic_tf_tools.training_settings import TrainingSettings

from elastic_tf.export.manifest import model_hash
from elastic_tf.export.options import FORMATS, QUANTIZATIONS
from elastic_tf.files import check_output_file, output_folder, write_json, write_text
from elastic_tf.policies.second_look import SECOND_LOOK, SELECTOR

GROUPS = ("inference", "training", "input")
# Flags that are read with --exports alone, and without it alone.
_OF_EXPORTS = ("models", "formats", "quantizations", "beside")
_OF_ROWS = ("measure", "training_batch_size", "profile_rows", "json_out", "plot_out")


def define_flags(values):
    def add(name, default, help, kind=str, **metadata):
        flags.define(values, name, default, help, kind, **metadata)

    add("model_dir", None, "Training run whose network to measure, in place of a random one.")
    add("task", None, "Which task of --model_dir to predict and train; its first where left out.")
    add("image_size", 32, "Pixels a side of random images, without --model_dir.", int, low=1)
    add("measure", GROUPS, "What to measure.", choices=GROUPS, is_list=True)
    add("batch_sizes", (1, 8, 128), "Images in a prediction.", int, low=1, is_list=True)
    add("training_batch_size", 128, "Images in a training step.", int, low=1)
    add(
        "seconds_per_group",
        60.0,
        "Time for the rounds of one table, seconds; building the graphs comes on top.",
        float,
        low=0,
    )
    add("min_rounds", 5, "Rounds of one table at least.", int, low=1)
    add(
        "profile_rows",
        (),
        "Rows whose time to print by operation (dense,train_initial).",
        is_list=True,
    )
    add("json_out", None, "JSON file of settings and figures.")
    add("plot_out", None, "PNG of prediction's time over MACs.")
    add("seed", 0, "Of all that is drawn.", int, low=0)
    add("exports", None, "Folder for exports of --model_dir, to be compared in place of all else.")
    add(
        "models",
        (DYNAMIC, "0", MOST_USED, FULL),
        f"What to export: {DYNAMIC}, {SECOND_LOOK}@0.4 and {SELECTOR}@0.4 at a budget, "
        f"{MOST_USED}, {FRONT} (fixed models on it), {FULL}, a level, or levels as in 3-0-1.",
        is_list=True,
    )
    add("beside", (), "Other runs of the task, whose full models are measured too.", is_list=True)
    add("formats", FORMATS, "Formats of the exports.", choices=FORMATS, is_list=True)
    add(
        "quantizations",
        QUANTIZATIONS,
        "Numbers of fixed LiteRT models beside float32.",
        choices=QUANTIZATIONS,
        is_list=True,
    )
    flags.define_settings(values, "data", "network")


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
    for name in ("measure", "batch_sizes", "models", "formats", "quantizations", "beside"):
        # One folder may be spelt in several ways.
        distinct = set(map(os.path.abspath, own[name]) if name == "beside" else own[name])
        if len(distinct) != len(own[name]) or not (distinct or name == "beside"):
            raise ValueError(f"`--{name}` must hold one or more, each once. Received: {own[name]}")
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
    count = max(own["training_batch_size"], *own["batch_sizes"])
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
        "rounds": {},
    }
    print(f"{network.backbone}, images {about['image_shape']}, on {about['device']}")
    rows = []
    for title, found in _measured(own, subject, stream, timer):
        print(format_rows(title, found), flush=True)
        about["rounds"][title] = len(found[0].seconds)
        rows += found
    print(f"\n{where_slower(rows)}")
    if own["json_out"]:
        write_json(own["json_out"], {"settings": about, "rows": [row.figures() for row in rows]})
    if own["plot_out"]:
        predicted = [row for row in rows if not row.name.startswith(("train_", "input_"))]
        draw_plot(predicted, f"{network.backbone}, {about['device']}").save(own["plot_out"])


def _measured(own, subject, stream, timer):
    """Yields the title of every table and its rows, when they have been measured."""
    tables = []
    if "inference" in own["measure"]:
        tables += [("Prediction", inference_candidates, size) for size in own["batch_sizes"]]
    if "training" in own["measure"]:
        tables.append(("Training step", training_candidates, own["training_batch_size"]))
    for what, make_candidates, size in tables:
        title = f"{what}, batch size {size}"
        print(f"\nMeasuring: {title} ...", flush=True)
        yield title, timer.measure(make_candidates(subject, size), size)
    if stream:
        title = "Input pipeline, all tasks"
        print(f"\nMeasuring: {title} ...", flush=True)
        yield title, input_rows(*stream, timer)


def _compare_exports(own, run, network, spec, data, timer, arguments):
    """Exports the network of a run, and compares; `arguments` are those of `make_exports`."""
    with flags.one_line_errors():
        from elastic_tf.report.time_figures import draw_times  # Of the extra `report`.

        folder = output_folder(own["exports"], "exports")
        models = _models(own["models"], run, spec.name)
        variants = export_variants(models, own["formats"], own["quantizations"])
        digest = model_hash(run.model)
        exports = make_exports(folder, variants, spec.name, network, digest, arguments)
        for path, name in zip(own["beside"], _run_names(own["beside"]), strict=True):
            exports |= _exports_beside(folder, path, name, network, spec.name, own["formats"])
    test = functools.partial(data.split_batches, spec, "test")
    rows = compare_exports(network, spec.name, exports, test, timer, own["batch_sizes"])
    table = format_exports(rows)
    saved = [folder / f"comparison.{end}" for end in ("md", "json", "png")]
    print(f"\n{table}\n\nSaved: {', '.join(map(str, saved))}")
    write_text(folder / "comparison.md", f"{table}\n")
    draw_times({spec.name: rows[1:]}, network.backbone).save(folder / "comparison.png")
    about = {"model_dir": own["model_dir"], "model_sha256": digest, "task": spec.name}
    about |= describe_machine()
    write_json(folder / "comparison.json", {"settings": about, "rows": rows})


def _models(names, run, task):
    """Returns the models to export, those of the front in its place; each once."""
    found = []
    for name in names:
        if name != FRONT:
            found.append(name)
            continue
        if not run.results.exists():
            raise FileNotFoundError(
                f"`--models={FRONT}` needs the {run.results.name} of a finished run. "
                f"Received: {run.path}, without one"
            )
        found += front_models(run.read_results()[task])
    return list(dict.fromkeys(found))


def _run_names(paths):
    """Returns a name for each run, a list of str: as much of the end of its path as it takes."""
    parts = [pathlib.Path(path).absolute().parts[1:] for path in paths]
    for count in itertools.count(1):
        names = ["_".join(of[-count:]) for of in parts]
        if len(set(names)) == len(names) or count > max(map(len, parts)):
            return names


def _exports_beside(folder, path, name, network, task, formats):
    """Makes exports of the full model of another run; as of `make_exports`."""
    run = RunFolder(path)
    other = run.load_model()
    shapes = [each.tasks.get(task, {}).get("image_shape") for each in (network, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"`--beside` must hold runs of '{task}' with images {shapes[0]}. "
            f"Received: {path}, with {shapes[1]}"
        )
    variants = [Variant(FULL, each, "none", name) for each in formats]
    own = [f"--model_dir={path}"]
    return make_exports(folder, variants, task, other, model_hash(run.model), own)


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
