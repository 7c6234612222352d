r"""Tests a trained network again and prints its table.

    python tools/evaluate.py --model_dir=runs/quickstart

Where your own images have moved since training, --tasks says where they are now.
"""

import keras
from absl import app, flags

import pipelines
from elastic_tf.evaluation.task_evaluation import evaluate_task
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tools import data_flags
from tools.quiet_logs import quiet_logs
from tools.results_table import format_results
from tools.run_directory import RunDirectory, write_json
from tools.task_flag import check_network_tasks, tasks_from_items
from tools.user_errors import check_no_arguments, one_line_errors

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
flags.DEFINE_string("json_out", None, "File for the results as JSON; none where left out.")


def evaluate_tasks(model, specs, split):
    """Returns `evaluate_task`'s figures for every task, a dict by name."""
    results = {}
    # Without images held out there is nothing to choose a fixed model on.
    searches = FLAGS.search_evaluations and FLAGS.validation_share
    for spec in specs:
        batches = _batches(spec, split)
        if searches:
            held_out = batches if split == "validation" else _batches(spec, "validation")
        results[spec.name] = evaluate_task(
            model,
            batches,
            spec.name,
            search_batches=held_out if searches else None,
            search_evaluations=FLAGS.search_evaluations,
        )
    return results


def _batches(spec, split):
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


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run = RunDirectory(FLAGS.model_dir)
        saved = run.read_flags()
        FLAGS.validation_share = saved["validation_share"]
        items = None if FLAGS["tasks"].using_default_value else FLAGS.tasks
        model = load_model(run)
        specs = run_tasks(saved, items)
        check_network_tasks(model, specs)
        results = evaluate_tasks(model, specs, FLAGS.split)
    print(f"On the {FLAGS.split} split:\n\n{format_results(results)}")
    if FLAGS.json_out:
        write_json(FLAGS.json_out, results)


if __name__ == "__main__":
    flags.mark_flag_as_required("model_dir")
    app.run(main)
