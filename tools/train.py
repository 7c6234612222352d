r"""Trains a Deep Elastic Network on several data sets, by the whole method, and tests it.

    python tools/train.py --flagfile=tools/flagfiles/quickstart.flags

The same command line continues a run that was interrupted, and reprints a finished one. What is
saved at its end includes validation.json, how well it does on the images held out for validation.
"""

import sys
import time

import keras
import tensorflow as tf
from absl import app, flags
from elastic_tf_tools import data_flags, model_flags, training_flags
from elastic_tf_tools.calibrate import calibrate_run
from elastic_tf_tools.evaluate import evaluate_tasks, split_batches
from elastic_tf_tools.frozen_answers import FrozenAnswers
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.results_table import format_results
from elastic_tf_tools.run_directory import RunDirectory, read_json, write_json
from elastic_tf_tools.settle_target import settle_target
from elastic_tf_tools.task_flag import check_network_tasks
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors
from elastic_tf_tools.validation_figures import format_validation, validate_tasks

import pipelines
from elastic_tf.evaluation.policy_health import PolicyHealth
from elastic_tf.training.callbacks import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StageProgress,
    StepLog,
    StopAtStep,
    save_atomically,
)

FLAGS = flags.FLAGS

flags.DEFINE_string("output_dir", None, "Folder for checkpoints, model, logs and results.json.")
flags.DEFINE_integer(
    "steps_per_epoch", 500, "Steps between two validations, log entries and checkpoints.", 1
)
flags.DEFINE_integer(
    "policy_health_every",
    10,
    "Epochs between two measurements of the selector's choice for TensorBoard, each of as many "
    "passes over --policy_health_images as there are models to compare; 0 for none.",
    0,
)
flags.DEFINE_integer(
    "policy_health_images", 1000, "Validation images of each task for that, about.", 1
)
flags.DEFINE_integer(
    "until_step",
    None,
    "Steps of the whole training, >= 1, after which to stop, with a checkpoint and a "
    "validation.json; the same command without it, or with a larger one, goes on. The whole "
    "training where left out.",
    1,
)
flags.DEFINE_bool(
    "final_test",
    True,
    "Whether to test at the end, on the test split. Without, validation.json is the last that is "
    "written; the same command with it tests.",
)
flags.mark_flag_as_required("output_dir")
for module in (data_flags, model_flags, training_flags):
    flags.adopt_module_key_flags(module)  # So that --help shows them.

# Flags that may change between the start of a run and its continuation.
FREE_FLAGS = {
    "output_dir",
    "download",
    "data_dir",
    "cache_dir",
    "eval_batch_size",
    "steps_per_epoch",
    "until_step",
    "final_test",
}


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        specs = data_flags.get_tasks()
        run = RunDirectory(FLAGS.output_dir)
        run.check(_run_flags())
        if _has_ended(run):
            return _reprint(run)
        sizes = data_flags.batch_sizes(specs)
        keras.utils.set_random_seed(FLAGS.seed)
        model = _load(run.checkpoint) if run.checkpoint.exists() else _build(specs)
        check_network_tasks(model, specs)
        # The step is saved with the model, and is all the state that the data has.
        batches = _batches(specs, sizes, start_step=int(model.step.numpy()))
        validation = _validation(specs)
        counts = data_flags.training_images(specs)
        # The order of the images depends on their number: a resumed run must find the same.
        run.claim(_run_flags() | {"training_images": counts})
    _describe(model, specs, sizes, counts)
    began = time.monotonic()
    try:
        _fit(model, batches, validation, specs, run)
    except FloatingPointError as error:
        sys.exit(f"error: {error}")
    if int(model.step.numpy()) < model.stages.total_steps:
        _validate(run, model, specs, FrozenAnswers(model))
        print(f"\nStopped at step {int(model.step.numpy())}. Saved: {run.checkpoint}")
        return
    settle_target(model, specs, has_validation=bool(FLAGS.validation_share))
    save_atomically(model, run.model)
    print(f"\nTrained in {(time.monotonic() - began) / 60:.1f} minutes. Saved: {run.model}")
    answers = FrozenAnswers(model)
    calibrate_run(run, model, specs, answers)
    _validate(run, model, specs, answers)
    if FLAGS.final_test:
        _test(run, model, specs, answers)


def _build(specs):
    model = model_flags.build_model(data_flags.model_tasks(specs))
    training_flags.compile_model(model)
    return model


def _load(checkpoint):
    try:
        model = keras.saving.load_model(checkpoint)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{checkpoint} must be a checkpoint of this version; move it away to start anew. "
            f"Received: {str(error).splitlines()[0]}"
        ) from None
    print(f"Continuing at step {int(model.step.numpy())} from {checkpoint}")
    return model


def _batches(specs, sizes, start_step):
    return pipelines.training_batches(
        specs,
        sizes,
        seed=FLAGS.seed,
        start_step=start_step,
        **data_flags.source_arguments(),
    )


def _validation(specs):
    if not FLAGS.validation_share:
        return None
    return pipelines.evaluation_batches(
        specs, "validation", FLAGS.eval_batch_size, **data_flags.source_arguments()
    )


def _run_flags():
    modules = (data_flags, model_flags, training_flags)
    by_module = FLAGS.flags_by_module_dict()
    return {
        flag.name: flag.value
        for module in modules
        for flag in by_module[module.__name__]
        if flag.name not in FREE_FLAGS
    }


def _describe(model, specs, sizes, counts):
    devices = tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("CPU")
    candidates = model.num_levels**model.num_blocks
    print(
        f"{model.backbone}: {model.num_blocks} blocks of {model.num_levels} levels, "
        f"{candidates:,} candidate models in {model.estimator.count_params():,} weights; "
        f"{model.stages.total_steps} steps on {devices[0].device_type}"
    )
    for spec in specs:
        table = model.cost_table(spec.name)
        print(
            f"  {spec.name}: {spec.description}; {table.full_macs / 1e6:.2f} million MACs per "
            f"image at full width, selector {table.selector_macs / 1e6:.2f}"
        )
        examples, size = counts[spec.name], sizes[spec.name]
        print(
            f"    {examples:,} training images, {size} per step: "
            f"{model.stages.total_steps * size / examples:.1f} epochs"
        )


def _fit(model, batches, validation, specs, run):
    step, stop = int(model.step.numpy()), _stop_step(model)
    if step >= stop:
        return
    epoch = step // FLAGS.steps_per_epoch
    model.fit(
        batches,
        validation_data=validation,
        shuffle=False,  # The data is shuffled already; Keras warns otherwise.
        initial_epoch=epoch,
        epochs=-(-stop // FLAGS.steps_per_epoch) + 1,
        steps_per_epoch=FLAGS.steps_per_epoch,
        verbose=0,
        callbacks=[
            RaiseOnDivergence(),
            StepLog(),
            StopAtStep(stop),
            StageProgress([spec.name for spec in specs], stop),
            ResumableCheckpoint(run.checkpoint, FLAGS.steps_per_epoch),
            keras.callbacks.TensorBoard(run.logs, write_graph=False),
            *_policy_health(model, specs, run),
        ],
    )


def _stop_step(model):
    """Returns the step to stop at, an int."""
    total = model.stages.total_steps
    return total if FLAGS.until_step is None else min(FLAGS.until_step, total)


def _validate(run, model, specs, answers):
    """Writes validation.json, if there are images for it, and says what is in it."""
    if FLAGS.validation_share:
        figures = validate_tasks(run, model, specs, answers)
        write_json(run.validation, figures)
        print(f"On the validation images: {format_validation(figures)}")


def _test(run, model, specs, answers):
    """Writes results.json, which ends a run."""
    results = evaluate_tasks(model, specs, "test", answers=answers)
    write_json(run.results, results)
    run.checkpoint.unlink(missing_ok=True)
    print(f"On the test split:\n\n{format_results(results)}\n\nSaved: {run.results}, {run.logs}")


def _policy_health(model, specs, run):
    """Returns the callback that measures the choice in between; none without images for it."""
    if not FLAGS.policy_health_every or not FLAGS.validation_share:
        return []
    batches = -(-FLAGS.policy_health_images // FLAGS.eval_batch_size)
    return [
        PolicyHealth(
            {spec.name: split_batches(spec, "validation").take(batches) for spec in specs},
            run.logs,
            FLAGS.policy_health_every,
            start_step=model.stages.initial_steps,
        )
    ]


def _has_ended(run):
    """Returns whether there is nothing left to do for a run."""
    if FLAGS.final_test:
        return run.results.exists()
    return run.validation.exists() and read_json(run.validation)["is_whole_training"]


def _reprint(run):
    print(f"{run.path} holds this run, finished; --output_dir elsewhere trains anew.\n")
    if run.validation.exists():  # Runs from before there was this file have none.
        print(f"On the validation images: {format_validation(read_json(run.validation))}")
    if run.results.exists():
        print(f"On the test split:\n\n{format_results(read_json(run.results))}")


if __name__ == "__main__":
    app.run(main)
