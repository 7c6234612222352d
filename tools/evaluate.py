r"""Tests a trained network again and prints its table; or measures it in other ways.

    python tools/evaluate.py --model_dir=runs/quickstart
    python tools/evaluate.py --model_dir=runs/quickstart --budget=0.4
    python tools/evaluate.py --model_dir=runs/quickstart --budgets=0.2,0.4,0.6 --output_dir=curve
    python tools/evaluate.py --model_dir=runs/quickstart --joint_budgets=0.2,0.3
    python tools/evaluate.py --model_dir=runs/quickstart --bounds
    python tools/evaluate.py --model_dir=runs/quickstart --search=300 --output_dir=models
    python tools/evaluate.py --model_dir=runs/quickstart --calibrate
    python tools/evaluate.py --model_dir=runs/quickstart --refresh_averages --level=1 \
        --output_dir=runs/level_1

With --budget, the selector's choice is the one that keeps to it; --budgets is a curve of several.
--joint_budgets are means over the tasks, against the best fixed models of each under the same one.
--bounds says what a choice could gain over fixed models by all that is known at some place.
--search looks for the best fixed model within each budget: models share their weights, so nothing
is trained. --calibrate finds anew what MACs must cost to keep to a budget, which training does at
its end. --refresh_averages writes a run with running averages for one model, or one way of
choosing: it is for predictions with that choice, and all others lose by it.

Nothing is written without --output_dir or --json_out, but with --calibrate the model file. Where
your own images have moved since training, --tasks says where they are now.
"""

import functools
import inspect
import itertools
import time

from elastic_tf_tools import flags
from elastic_tf_tools.run_folder import (
    REFRESHED,
    RunFolder,
    batches_of,
    load_run,
    training_batches_of,
)

from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import budget_curve
from elastic_tf.evaluation.budgets import calibrate_network
from elastic_tf.evaluation.choice_bounds import choice_bounds
from elastic_tf.evaluation.joint_budget import JointBudgets
from elastic_tf.evaluation.model_search import ALGORITHMS, check_budgets, search_fixed_models
from elastic_tf.evaluation.second_looks import calibrate_second_looks
from elastic_tf.evaluation.task_evaluation import evaluate_network
from elastic_tf.files import (
    check_free,
    check_output_file,
    output_folder,
    whole_file,
    whole_folder,
    write_json,
    write_text,
)
from elastic_tf.policies.model_choice import parse_choice
from elastic_tf.report.budget_tables import (
    format_bounds,
    format_curves,
    format_fixed_models,
    format_joint,
    write_curves_csv,
    write_fixed_models_csv,
)
from elastic_tf.report.tables import format_results
from elastic_tf.settings import of_task
from elastic_tf.training.refresh_averages import refresh_averages


def define_flags(values):
    flags.define_run(values)
    define = functools.partial(flags.define, values)
    define(
        "split",
        None,
        "Which images to test on; test where left out, validation with --refresh_averages.",
        str,
        choices=("test", "validation"),
    )
    flags.define_search_evaluations(values)
    flags.define_budget(values)
    define("json_out", None, "File for the table's figures as JSON.", str)
    define(
        "output_dir",
        None,
        "Folder for what --budgets, --search or --refresh_averages find: table, CSV, JSON and "
        "plot, or the new run.",
        str,
    )
    define(
        "budgets",
        (0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
        "Measures at several budgets; with --search, MACs that a fixed model may have.",
        float,
        above=0.0,
        high=1.0,
        is_list=True,
    )
    define(
        "joint_budgets",
        None,
        "Measures the tasks under one budget each: a mean over them, which easy tasks leave to "
        "hard ones.",
        float,
        above=0.0,
        high=1.0,
        is_list=True,
    )
    define("bounds", False, "Measures what a choice for each image could gain at best.", bool)
    define("search", None, "Fixed models to try of each task, in search of the best.", int, low=1)
    define(
        "algorithm",
        ALGORITHMS[0],
        "How new models are found: changes of the best ones, or chance.",
        str,
        choices=ALGORITHMS,
    )
    define("search_seed", 0, "Seed of the search.", int, low=0)
    define("calibrate", False, "Calibrates for budgets anew, on validation images.", bool)
    define("refresh_averages", False, "Makes the running averages anew, for one choice.", bool)
    define("level", None, "A fixed model: this level in every block.", int, low=0)
    define("levels", None, "A fixed model: the level of every block, as in 3-0-1.", str)
    define("batches", 100, "Training batches of every task for fresh averages.", int, low=1)
    define("batch_size", 128, "Images of each task in such a batch.", int, low=1)
    flags.define_renamed(values, macs_limits="budgets", evaluations="search")


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        job, taken = _job(values)
        loaded = load_run(*flags.read_run(values))
        answers = AnswersBySplit(loaded.model, batches_of(loaded.settings.data, loaded.specs))
        job(loaded, answers, **{name: values[name].value for name in taken})


def _print_table(loaded, answers, *, split, budget, search_evaluations, json_out):
    split = split or "test"
    if budget is not None:
        _check_calibrated(loaded)
    if json_out:
        check_output_file(json_out, "json_out")
    evaluations = _searched(loaded, answers, search_evaluations)
    results = evaluate_network(
        answers,
        split,
        loaded.tasks,
        evaluations,
        budget,
        training_batches_of(loaded.settings, loaded.specs),
    )
    at_budget = f", at a budget of {100 * budget:g} % MACs" if budget else ""
    print(f"On the {split} split{at_budget}:\n\n{format_results(results)}")
    if json_out:
        write_json(json_out, results)


def _print_curve(loaded, answers, *, budgets, split, output_dir):
    split, backbone = split or "test", loaded.model.backbone
    _check_calibrated(loaded)
    if output_dir:
        from elastic_tf.report.macs_figures import draw_budget_curves  # Of the extra `report`.

        folder = output_folder(output_dir)
    budgets = sorted(set(budgets))
    curves = {task: budget_curve(answers.on(task, split), budgets) for task in loaded.tasks}
    print(f"On the {split} split:\n\n{format_curves(curves)}")
    if output_dir:
        csv, values, plot = (folder / f"budget_curve.{end}" for end in ("csv", "json", "png"))
        measured = {"model_dir": str(loaded.run.path), "split": split, "backbone": backbone}
        write_curves_csv(csv, curves)
        write_json(values, {"settings": measured, "tasks": curves})
        draw_budget_curves(curves, f"{backbone}, {split} split").save(plot)
        print(f"\nSaved: {csv}, {values}, {plot}")


def _print_bounds(loaded, answers, *, search_evaluations, json_out):
    _check_searched(loaded, "--bounds", search_evaluations, json_out)
    evaluations = loaded.settings.search_evaluations(search_evaluations, loaded.specs)
    batches = training_batches_of(loaded.settings, loaded.specs)
    found = {
        task: choice_bounds(answers, task, of_task(evaluations, task), batches(task))
        for task in loaded.tasks
    }
    print(f"On the test split, points over fixed models:\n\n{format_bounds(found)}")
    if json_out:
        write_json(json_out, found)


def _print_joint(loaded, answers, *, joint_budgets, search_evaluations, json_out):
    _check_searched(loaded, "--joint_budgets", search_evaluations, json_out)
    evaluations = _searched(loaded, answers, search_evaluations)
    batches = training_batches_of(loaded.settings, loaded.specs)
    joint = JointBudgets(answers, evaluations, loaded.tasks, batches)
    points = [joint.measure(budget) for budget in sorted(set(joint_budgets))]
    print(f"On the test split, means over {', '.join(loaded.tasks)}:\n\n{format_joint(points)}")
    if json_out:
        write_json(json_out, points)


def _check_searched(loaded, flag, search_evaluations, json_out):
    _check_holds_out(loaded, "to choose fixed models on")
    if search_evaluations == 0:
        raise ValueError(f"`--search_evaluations` must be 1 at least with {flag}. Received: 0")
    if json_out:
        check_output_file(json_out, "json_out")


def _searched(loaded, answers, search_evaluations):
    """Returns how many fixed models to try; a run of before has second looks made of them."""
    evaluations = loaded.settings.search_evaluations(search_evaluations, loaded.specs)
    if not loaded.model.second_looks:
        calibrate_second_looks(answers, evaluations, loaded.tasks)
    return evaluations


def _print_fixed_models(loaded, answers, *, search, budgets, algorithm, search_seed, output_dir):
    _check_holds_out(loaded, "to search on")
    for task in loaded.tasks:
        check_budgets(budgets, loaded.model.cost_table(task), task)
    if output_dir:
        from elastic_tf.report.macs_figures import draw_fixed_models  # Of the extra `report`.

        folder = output_folder(output_dir)
    found = {}
    for task in loaded.tasks:
        held_out, test = answers.on(task, "validation"), answers.on(task, "test")
        progress = functools.partial(_print_progress, task, time.monotonic())
        found[task] = search_fixed_models(
            held_out, test, budgets, search, algorithm, search_seed, progress
        )
    table = format_fixed_models(found)
    print(f"\n{table}")
    if output_dir:
        names = ("table.md", "models.csv", "models.json", "models.png")
        markdown, csv, values, plot = (folder / name for name in names)
        searched = {"model_dir": str(loaded.run.path), "backbone": loaded.model.backbone}
        write_text(markdown, table)
        write_fixed_models_csv(csv, found)
        write_json(values, {"settings": searched, "tasks": found})
        draw_fixed_models(found).save(plot)
        print(f"\nSaved: {markdown}, {csv}, {values}, {plot}")


def _print_progress(task, began, tried):
    print(f"{task}: {tried} models tried in {time.monotonic() - began:.0f} s", flush=True)


def _calibrate(loaded, answers, *, search_evaluations):
    _check_holds_out(loaded, "to calibrate on")
    path = loaded.run.model
    with loaded.run.locked():
        calibrate_network(answers, loaded.tasks)
        evaluations = loaded.settings.search_evaluations(search_evaluations, loaded.specs)
        calibrate_second_looks(answers, evaluations, loaded.tasks)
        with whole_file(path) as partial:
            loaded.model.save(partial)
    print(f"Saved: {path}")


def _write_refreshed(
    loaded, answers, *, split, budget, level, levels, batches, batch_size, output_dir
):
    run, model, settings, specs = loaded
    if not output_dir:
        raise ValueError("`--output_dir` must be given, for the new run. Received: none")
    check_free(output_dir)
    choice = parse_choice(levels, level, budget, model.num_blocks, model.num_levels)
    if budget is not None:
        _check_calibrated(loaded)
    images = training_batches_of(settings, specs, batch_size)
    splits = ["validation"] * bool(settings.data.validation_share) + ["test"] * (split == "test")
    before = _accuracies(answers, loaded.tasks, choice, splits)
    print(f"For {choice}, over {batches} batches:", flush=True)
    for task in loaded.tasks:
        refresh_averages(model, images(task), task, choice.of(model, task), batches)
    after = _accuracies(AnswersBySplit(model, answers.batches_of), loaded.tasks, choice, splits)
    for (task, split), accuracy in before.items():
        accuracies = f"{100 * accuracy:.2f} % before, {100 * after[task, split]:.2f} % after"
        print(f"  {task}, {split} split: {accuracies}")
    refreshed = {"model_dir": str(run.path), "choice": str(choice), "batches": batches}
    refreshed["tasks"] = loaded.tasks
    with whole_folder(output_dir) as stage:
        new = RunFolder(stage)
        model.save(new.model)
        write_json(new.file, run.read_description() | {REFRESHED: refreshed})
    print(f"Saved: {output_dir}")


def _accuracies(answers, tasks, choice, splits):
    """Returns the accuracy of the chosen models by task and split, shares in [0, 1]."""
    accuracies = {}
    for task, split in itertools.product(tasks, splits):
        on = answers.on(task, split)
        levels = on.choose(choice.budget) if choice.levels is None else choice.levels
        accuracies[task, split] = on.are_right(levels).mean()
    return accuracies


def _check_calibrated(loaded):
    missing = [task for task in loaded.tasks if task not in loaded.model.calibrations]
    if missing:
        raise ValueError(
            "`--model_dir` must hold a network calibrated for budgets, as --calibrate does it. "
            f"Received: model_dir={loaded.run.path}, without {', '.join(missing)}"
        )


def _check_holds_out(loaded, purpose):
    if not loaded.settings.data.validation_share:
        raise ValueError(
            f"`--model_dir` must hold a run with validation images {purpose}. "
            f"Received: model_dir={loaded.run.path}, with --validation_share=0"
        )


# By the flag that asks for it, of several the first: the job, whose keyword arguments are the flags
# that it takes.
_JOBS = {
    "refresh_averages": _write_refreshed,
    "calibrate": _calibrate,
    "search": _print_fixed_models,
    "bounds": _print_bounds,
    "joint_budgets": _print_joint,
    "budgets": _print_curve,
}


def _job(values):
    """Returns the function of the job that is asked for, and the names of the flags it takes."""
    asked = next((name for name in _JOBS if _is_given(values, name)), None)
    job = _JOBS.get(asked, _print_table)
    parameters = inspect.signature(job).parameters.values()
    taken = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    for flag in values.flags_by_module_dict()["command"]:
        if _is_given(values, flag.name) and flag.name not in (*taken, asked, "model_dir"):
            raise ValueError(
                f"`--{flag.name}` must not be given with {f'--{asked}' if asked else 'the table'}. "
                f"Received: {flags.serialize(flag.name, flag.value)}"
            )
    return job, taken


def _is_given(values, name):
    return values[name].present and values[name].value is not False


if __name__ == "__main__":
    flags.run(__name__)
