r"""Tests a trained network again and prints its table.

    python tools/evaluate.py --model_dir=runs/quickstart
    python tools/evaluate.py --model_dir=runs/quickstart --budget=0.4

With --budget, the selector's choice is the one that keeps to it. Where your own images have moved
since training, --tasks says where they are now.
"""

import keras
from absl import app, flags
from elastic_tf_tools import data_flags
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.results_table import format_results
from elastic_tf_tools.run_directory import RunDirectory, write_json
from elastic_tf_tools.task_flag import check_network_tasks, tasks_from_items
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

import pipelines
from elastic_tf.evaluation.task_evaluation import evaluate_task
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork

FLAGS = flags.FLAGS

flags.DEFINE_string("model_dir", None, "Output directory of the training run to test.")
flags.DEFINE_enum("split", "test", ["test", "validation"], "Which images to test on.")
flags.DEFINE_integer(
    "search_evaluations",
    60,
    "Fixed models tried, on the validation images, in search of the best of the selector's cost; 0 "
    "for no search.",
    0,
)
flags.DEFINE_float(
    "budget",
    None,
    "Mean MACs per image that the selector's choice is held to, in (0, 1], a share of the full "
    "model's, selector included; the selector's own choice where left out.",
)
flags.DEFINE_string("json_out", None, "File for the results as JSON; none where left out.")


@flags.validator("budget", "must be in (0, 1]")
def _budget_is_valid(budget):
    return budget is None or 0 < budget <= 1


def evaluate_tasks(model, specs, split, prices=None, answers=None):
    """Evaluates a network on several tasks.

    Args:
        model: an `ElasticNetwork`.
        specs: sequence of `TaskSpec`.
        split: str, as of --split.
        prices: dict from task name to the price of MACs; `None` for 0.
        answers: `FrozenAnswers` of the network, if there are some already.

    Returns:
        Dict from task name to what `evaluate_task` returns.
    """
    results, on = {}, answers.on if answers else split_batches
    # Without images held out there is nothing to choose a fixed model on.
    searches = FLAGS.search_evaluations and FLAGS.validation_share
    for spec in specs:
        batches = on(spec, split)
        if searches:
            held_out = batches if split == "validation" else on(spec, "validation")
        results[spec.name] = evaluate_task(
            model,
            batches,
            spec.name,
            search_batches=held_out if searches else None,
            search_evaluations=FLAGS.search_evaluations,
            price=prices[spec.name] if prices else 0.0,
        )
    return results


def split_batches(spec, split):
    """Returns the images of a split in order, as of `pipelines.eval_dataset`."""
    return pipelines.eval_dataset(
        spec, split, FLAGS.eval_batch_size, **data_flags.source_arguments()
    )


def run_tasks(saved, items=None):
    """Returns the `TaskSpec`s of a run.

    Args:
        saved: dict of the run's flags.
        items: list of str, a value of --tasks in place of the run's; `None` for the run's.

    Raises:
        DataNotFoundError: if the user's own images are missing or not as they must be.
        ValueError: if a task is not known.
    """
    # Runs before there was this flag had no tasks that it concerns.
    return tasks_from_items(items or saved["tasks"], saved.get("on_corrupt_image", "error"))


def load_model(run):
    """Returns the trained network of a `RunDirectory`.

    Raises:
        FileNotFoundError: if the run has not finished.
        ValueError: if the file is not a network of ours.
    """
    if not run.model.exists():
        raise FileNotFoundError(
            f"`--model_dir` must hold a finished run, with a {run.model.name}. "
            f"Received: model_dir={run.path}"
        )
    try:
        model = keras.saving.load_model(run.model)
    except Exception as error:  # Keras raises whatever the zip, JSON or HDF5 reader did.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{run.model} must be a saved DeepElasticNetwork. Received: {reason}"
        ) from None
    if not isinstance(model, DeepElasticNetwork):
        raise ValueError(
            f"{run.model} must be a saved DeepElasticNetwork. Received: {type(model).__name__}"
        )
    return model


def load_run(model_dir):
    """Returns the `RunDirectory`, the network and the `TaskSpec`s of a finished run.

    The data flags are set as they were in training.

    Args:
        model_dir: str or path.

    Raises:
        DataNotFoundError, FileNotFoundError, ValueError: if there is anything wrong with them.
    """
    run = RunDirectory(model_dir)
    saved = run.read_flags()
    FLAGS.validation_share = saved["validation_share"]
    items = None if FLAGS["tasks"].using_default_value else FLAGS.tasks
    model = load_model(run)
    specs = run_tasks(saved, items)
    check_network_tasks(model, specs)
    return run, model, specs


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run, model, specs = load_run(FLAGS.model_dir)
        prices = budget_prices(run, specs)
        results = evaluate_tasks(model, specs, FLAGS.split, prices)
    if FLAGS.budget:
        results = {task: figures | {"budget": FLAGS.budget} for task, figures in results.items()}
    at_budget = f", at a budget of {100 * FLAGS.budget:g} % MACs" if FLAGS.budget else ""
    print(f"On the {FLAGS.split} split{at_budget}:\n\n{format_results(results)}")
    if FLAGS.json_out:
        write_json(FLAGS.json_out, results)


def budget_prices(run, specs):
    """Returns the price of every task at --budget, a dict from name to float; `None` without.

    Args:
        run: `RunDirectory`, with a calibration.
        specs: sequence of `TaskSpec`.

    Raises:
        FileNotFoundError, ValueError: see `read_calibrations`.
    """
    if FLAGS.budget is None:
        return None
    calibrations = read_calibrations(run.calibration, [spec.name for spec in specs])
    return {task: float(each.price(FLAGS.budget)) for task, each in calibrations.items()}


if __name__ == "__main__":
    flags.mark_flag_as_required("model_dir")
    app.run(main)
