r"""Trains a Deep Elastic Network on several data sets, by the whole method, and tests it.

    python tools/train.py --flagfile=tools/flagfiles/quickstart.flags

The same command line continues a run that was interrupted, and reprints a finished one. What is
saved at its end includes validation.json, how well it does on the images held out for validation.
"""

import contextlib
import functools
import math
import shutil
import sys
import time
import types

from elastic_tf_tools import flags
from elastic_tf_tools.devices import define_devices, find_devices
from elastic_tf_tools.run_folder import RunFolder, batches_of, told_images, training_batches_of

import keras
import tensorflow as tf

import pipelines
from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budget_curve import validation_figures
from elastic_tf.evaluation.budgets import calibrate_network, settle_target
from elastic_tf.evaluation.policy_health import PolicyHealth
from elastic_tf.evaluation.second_looks import calibrate_second_looks
from elastic_tf.evaluation.task_evaluation import evaluate_network
from elastic_tf.files import whole_file, write_json
from elastic_tf.report.tables import format_results, format_validation
from elastic_tf.training.callbacks import StageProgress, StepLog, StopAtStep
from elastic_tf.training.checkpoints import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StopOnSignal,
    checkpoint_files,
    load_checkpoint,
    remove_checkpoints,
    save_checkpoint,
)

RESUMES = True
# Flags beside the settings of a training; those of a single one are not passed on by a study.
OPTIONS = (
    "steps_per_epoch",
    "checkpoint_minutes",
    "on_divergence",
    "devices",
    "policy_health_every",
    "policy_health_images",
    "search_evaluations",
)
OPTIONS_OF_ONE = ("until_step", "final_test")
_STOP, _RESTART = "stop", "restart"
_RESTARTS = 5


def define_flags(values):
    flags.define_training_settings(values)
    define = functools.partial(flags.define, values)
    define("output_dir", None, "Folder for checkpoints, model, logs and results.json.", str, True)
    define(
        "steps_per_epoch",
        500,
        "Steps between two validations, log entries and checkpoints.",
        int,
        low=1,
    )
    define(
        "checkpoint_minutes",
        10,
        "Minutes between two checkpoints at most, where an epoch takes longer.",
        int,
        low=1,
    )
    define(
        "on_divergence",
        _STOP,
        "Where a figure or a weight is no number any more: 'stop', or 'restart' from the last "
        f"checkpoint at half of the learning rates, {_RESTARTS} times at most.",
        str,
        choices=(_STOP, _RESTART),
    )
    define_devices(values)
    define(
        "policy_health_every",
        10,
        "Epochs between two measurements of the selector's choice for TensorBoard, each of as many "
        "passes over --policy_health_images as there are models to compare; 0 for none.",
        int,
        low=0,
    )
    define("policy_health_images", 1000, "Validation images of each task for that.", int, low=1)
    define(
        "until_step",
        None,
        "Steps of the whole training after which to stop, with a checkpoint and a validation.json; "
        "the same command without it, or with a larger one, goes on. The whole training where left "
        "out.",
        int,
        low=1,
    )
    define(
        "final_test",
        True,
        "Whether to test at the end, on the test split. Without, validation.json is the last that "
        "is written; the same command with it tests.",
        bool,
    )
    flags.define_search_evaluations(values)


def main(values):
    with contextlib.ExitStack() as held:
        with flags.one_line_errors():
            flags.check_no_arguments(values)
            settings = flags.read_training_settings(values)
            names = (*OPTIONS, *OPTIONS_OF_ONE, "eval_batch_size")
            options = types.SimpleNamespace(**{name: values[name].value for name in names})
            run = RunFolder(values["output_dir"].value)
            options.devices = devices = find_devices(options.devices)
            specs = run.data_of(settings.data).task_specs()
            run.check(settings)
            if _has_ended(run, options):
                _reprint(run)
                return
            if devices.is_chief:
                held.enter_context(run.locked())
            devices.check_batches(settings.data.batch_sizes(specs))
            options.begin = functools.partial(_begin, run, settings, specs, devices)
            model = options.begin()
            pipelines.check_network_tasks(model.tasks, specs)
            batches, held_out = _batches(settings, specs, start_step=int(model.step.numpy()))
            options.class_weight = _class_weight(settings.data, specs)
            images = told_images(settings.data, specs)
            if devices.is_chief:
                _check_space(run, model)
                run.claim(settings, images)
                settings.data.save_indexes(specs)
            options.begin_anew = functools.partial(_begin_anew, run, settings, specs, options)
            options.search_evaluations = settings.search_evaluations(
                options.search_evaluations, specs
            )
            options.training_batches = training_batches_of(settings, specs)
        _describe(model, settings.data, specs, images["training_images"], devices)
        _train(model, batches, held_out, batches_of(settings.data, specs), run, options)


def _check_space(run, model):
    """Raises a `ValueError` where the disk has no room for what a training saves."""
    # Two checkpoints and one that is being written, with up to two more values for each weight.
    weights = 4 * sum(math.prod(variable.shape) for variable in model.variables)
    wanted, free = 3 * 3 * weights, shutil.disk_usage(run.path).free
    if free < wanted:
        raise ValueError(
            f"`output_dir` must be on a disk with {wanted / 1e6:.1f} MB free. "
            f"Received: output_dir={run.path}, with {free / 1e6:.1f} MB"
        )


def _begin(run, settings, specs, devices):
    """Returns the network to train, from the last checkpoint if there is one."""
    if not checkpoint_files(run.checkpoint):
        with devices.strategy.scope():
            return settings.build_model(specs)
    try:
        with devices.strategy.scope():
            model, path, fault = load_checkpoint(run.checkpoint)
    except ValueError as error:
        raise ValueError(f"{error}. Move it away to start anew") from None
    if fault:
        print(f"Damaged, so the checkpoint before it is taken: {fault}")
    print(f"Continuing at step {int(model.step.numpy())} from {path}")
    return model


def _begin_anew(run, settings, specs, options):
    """Returns the network from the last checkpoint, at half of its rates, and batches for it."""
    model = options.begin()
    model.lower_learning_rates(0.5)
    if options.devices.is_chief:
        save_checkpoint(model, run.checkpoint)  # A further restart halves them again.
    print(f"Learning rate of the estimator from here on: {model.optimizers.learning_rate:g}")
    batches, _ = _batches(settings, specs, start_step=int(model.step.numpy()))
    return model, batches


def _batches(settings, specs, start_step):
    """Returns the batches to train on, and those to validate on: `None` if none are held out.

    The step is saved with the model, and is all the state that the data has.
    """
    data = settings.data
    held_out = data.evaluation_batches(specs, "validation") if data.validation_share else None
    return data.training_batches(specs, settings.seed, start_step), held_out


def _class_weight(data, specs):
    """Returns what `fit` takes as the weights of classes; `None` for 1 each."""
    if data.class_weights == "none":
        return None
    return {
        task: {
            label: sum(counts) / (len(counts) * count)
            for label, count in enumerate(counts)
            if count
        }
        for task, counts in data.class_counts(specs).items()
    }


def _describe(model, data, specs, counts, devices):
    models = model.num_levels**model.num_blocks
    print(
        f"{model.backbone}: {model.num_blocks} blocks of {model.num_levels} levels, "
        f"{models:,} models in {model.estimator.count_params():,} weights; "
        f"{model.stages.total_steps} steps on {devices.text}"
    )
    sizes = data.batch_sizes(specs)
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


def _train(model, batches, held_out, read, run, options):
    """Trains to the end, or as far as wanted, and measures; `read` is of `batches_of`."""
    began = time.monotonic()
    with _one_line_losses(options.devices):
        model = _fit_or_restart(model, batches, held_out, read, run, options)
    if not options.devices.is_chief:
        return
    # What measures it is one device's.
    if options.devices.count > 1 and checkpoint_files(run.checkpoint):
        model, _, _ = load_checkpoint(run.checkpoint)
    if int(model.step.numpy()) < model.stages.total_steps:
        _validate(run, AnswersBySplit(model, read), held_out)
        print(f"\nStopped at step {int(model.step.numpy())}. Saved: {run.checkpoint}")
        return
    if held_out:
        settle_target(model, read)
    answers = AnswersBySplit(model, read)
    if held_out:
        calibrate_network(answers)
        calibrate_second_looks(answers, options.search_evaluations)
    with whole_file(run.model) as partial:
        model.save(partial)
    print(f"\nTrained in {(time.monotonic() - began) / 60:.1f} minutes. Saved: {run.model}")
    if not held_out:
        print("No budgets: --validation_share=0 holds out no images to calibrate on.")
    _validate(run, answers, held_out)
    if options.final_test:
        _test(run, answers, options)


@contextlib.contextmanager
def _one_line_losses(devices):
    """Ends the program with one line where another machine of a training is lost."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        if devices.machines == 1:
            raise
        sys.exit("error: another machine is lost; the same command on all machines continues")


def _fit_or_restart(model, batches, held_out, read, run, options):
    """Trains, again where it diverges and that is wanted; returns the network that was trained."""
    for left in range(_RESTARTS if options.on_divergence == _RESTART else 0, -1, -1):
        try:
            _fit(model, batches, held_out, read, run, options)
            return model
        except FloatingPointError as error:
            if not left:
                raise
            print(error)
        model, batches = options.begin_anew()


def _fit(model, batches, held_out, read, run, options):
    step, stop = int(model.step.numpy()), model.stages.total_steps
    if options.until_step is not None:
        stop = min(options.until_step, stop)
    if step >= stop:
        return
    with contextlib.ExitStack() as listening:
        writers, saves = [], None
        if options.devices.is_chief:
            saves = ResumableCheckpoint(
                run.checkpoint, options.steps_per_epoch, options.checkpoint_minutes
            )
            writers = [
                StageProgress(list(model.tasks), stop),
                saves,
                keras.callbacks.TensorBoard(run.logs, write_graph=False),
                *(_policy_health(model, read, run, options) if held_out else []),
            ]
        model.fit(
            batches,
            validation_data=held_out,
            class_weight=options.class_weight,
            shuffle=False,  # The data is shuffled already; Keras warns otherwise.
            initial_epoch=step // options.steps_per_epoch,
            epochs=-(-stop // options.steps_per_epoch) + 1,
            steps_per_epoch=options.steps_per_epoch,
            verbose=0,
            callbacks=[
                RaiseOnDivergence(),
                StepLog(),
                StopAtStep(stop),
                *writers,
                listening.enter_context(StopOnSignal(saves)),
            ],
        )


def _policy_health(model, read, run, options):
    """Returns the callback that measures the choice in between, in a list; none if not wanted."""
    if not options.policy_health_every:
        return []
    batches = -(-options.policy_health_images // options.eval_batch_size)
    return [
        PolicyHealth(
            {task: read(task, "validation").take(batches) for task in model.tasks},
            run.logs,
            options.policy_health_every,
            start_step=model.stages.initial_steps,
        )
    ]


def _validate(run, answers, held_out):
    """Writes validation.json, if there are images for it, and says what is in it."""
    if held_out:
        figures = validation_figures(answers)
        write_json(run.validation, figures)
        print(f"On the validation images: {format_validation(figures)}")


def _test(run, answers, options):
    """Writes results.json, which ends a run."""
    results = evaluate_network(
        answers,
        "test",
        search_evaluations=options.search_evaluations,
        training_batches=options.training_batches,
    )
    write_json(run.results, results)
    remove_checkpoints(run.checkpoint)
    print(f"On the test split:\n\n{format_results(results)}\n\nSaved: {run.results}, {run.logs}")


def _has_ended(run, options):
    """Returns whether there is nothing left to do for a run."""
    if options.final_test:
        return run.results.exists()
    return run.validation.exists() and run.read_validation()["is_whole_training"]


def _reprint(run):
    print(f"{run.path} holds this run, finished; --output_dir elsewhere trains anew.\n")
    if run.validation.exists():  # Runs without validation images have none.
        print(f"On the validation images: {format_validation(run.read_validation())}")
    if run.results.exists():
        print(f"On the test split:\n\n{format_results(run.read_results())}")


if __name__ == "__main__":
    flags.run(__name__)
