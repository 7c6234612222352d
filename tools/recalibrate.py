r"""Makes the running averages of a trained network anew, for one model or one way of choosing.

    python tools/recalibrate.py --model_dir=runs/quickstart --level=1 --output_dir=runs/level_1
    python tools/recalibrate.py --model_dir=runs/quickstart --output_dir=runs/selected

Without --levels, --level or --budget it is the selector's own choice. The averages are taken over
training images, augmented and shuffled as in training, --batch_size of each task in a batch. The
new run is for predictions with that choice: all others lose by it.
"""

import pathlib
import shutil
import tempfile

from absl import app, flags
from elastic_tf_tools import data_flags
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.evaluate import load_run, split_batches
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import RUN_FILE, RunDirectory, write_json
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

import pipelines
from elastic_tf.evaluation.answers import Answers
from elastic_tf.policies.model_choice import parse_choice
from elastic_tf.training.callbacks import save_atomically

FLAGS = flags.FLAGS

flags.DEFINE_string("levels", None, "A fixed model: the level of every block, as in 3-0-1.")
flags.DEFINE_integer("level", None, "A fixed model: this level in every block, >= 0.", 0)
flags.DEFINE_integer("batches", 100, "Batches of every task to take the averages over, >= 1.", 1)
for _name in ("model_dir", "split", "budget", "tasks", "batch_size", "eval_batch_size"):
    flags.declare_key_flag(_name)  # So that --help shows them.


def define_output_dir(values):
    """Adds --output_dir to `absl.flags.FlagValues`.

    It is not defined on import, as other scripts have a flag of the same name.
    """
    flags.DEFINE_string(
        "output_dir", None, "Folder for the new run, new or empty.", flag_values=values
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        target = _check_output_dir(FLAGS.output_dir)
        run, model, specs = load_run(FLAGS.model_dir)
        choice = parse_choice(
            FLAGS.levels, FLAGS.level, FLAGS.budget, model.num_blocks, model.num_levels
        )
        if choice.budget is not None:
            model.calibrations = read_calibrations(run.calibration, [spec.name for spec in specs])
        saved = run.read_flags()
        sizes = data_flags.batch_sizes(specs)
        batches = {spec.name: _training_batches(spec, sizes, saved) for spec in specs}
        splits = _splits()
        before = _accuracies(model, specs, choice, splits)
    print(f"For {choice}, over {FLAGS.batches} batches:", flush=True)
    for spec in specs:
        recalibrate(
            model, batches[spec.name], spec.name, choice.of(model, spec.name), FLAGS.batches
        )
    _print_accuracies(before, _accuracies(model, specs, choice, splits))
    description = {"model_dir": str(run.path), "choice": str(choice), "batches": FLAGS.batches}
    description["tasks"] = list(before)
    _write_run(target, model, run, saved | {"recalibrated": description})
    print(f"Saved: {target}")


def _check_output_dir(path):
    """Returns the path, after a check that nothing is there."""
    path = pathlib.Path(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise FileExistsError(f"`--output_dir` must be new or empty. Received: output_dir={path}")
    return path


def _training_batches(spec, sizes, saved):
    """Returns the batches that training begins with, but for their size."""
    return pipelines.train_dataset(
        spec, sizes[spec.name], saved.get("seed", 0), **data_flags.source_arguments()
    )


def _splits():
    held_out = ["validation"] if FLAGS.validation_share else []
    return held_out + (["test"] if FLAGS.split == "test" else [])


def _accuracies(model, specs, choice, splits):
    """Returns the accuracy of the chosen models, by task and by split, shares in [0, 1]."""
    accuracies = {spec.name: {} for spec in specs}
    for spec in specs:
        for split in splits:
            answers = Answers(model, split_batches(spec, split), spec.name)
            levels = choice.on(answers, model, spec.name)
            accuracies[spec.name][split] = answers.are_right(levels).mean()
    return accuracies


def _print_accuracies(before, after):
    for task, by_split in before.items():
        for split, accuracy in by_split.items():
            print(
                f"  {task}, {split} split: {100 * accuracy:.2f} % before, "
                f"{100 * after[task][split]:.2f} % after"
            )


def _write_run(target, model, run, saved):
    """Writes a run directory, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as folder:
        new = RunDirectory(pathlib.Path(folder) / "run")
        new.path.mkdir()
        save_atomically(model, new.model)
        # The selector is the same, and with it what it costs to keep to a budget.
        if run.calibration.exists():
            shutil.copy(run.calibration, new.calibration)
        write_json(new.path / RUN_FILE, saved)
        new.path.rename(target)


if __name__ == "__main__":
    define_output_dir(FLAGS)
    FLAGS.set_default("split", "validation")
    for _name in ("model_dir", "output_dir"):
        flags.mark_flag_as_required(_name)
    app.run(main)
