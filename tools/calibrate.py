r"""Makes the calibration of a trained network anew: what MACs must cost to keep to a budget.

    python tools/calibrate.py --model_dir=runs/quickstart

tools/train.py does so at its end. It is wanted for runs from before there were budgets, and
whenever model.keras has changed.
"""

import numpy as np
from absl import app, flags
from elastic_tf_tools.calibration_file import write_calibrations
from elastic_tf_tools.evaluate import load_run
from elastic_tf_tools.frozen_answers import FrozenAnswers
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from elastic_tf.evaluation.budgets import calibrate

FLAGS = flags.FLAGS

for _name in ("model_dir", "tasks", "data_dir", "cache_dir", "eval_batch_size"):
    flags.declare_key_flag(_name)  # So that --help shows them.

# The mean MACs of so many images are within half a point or so of those of any others.
_ENOUGH_IMAGES = 2000


def calibrate_run(run, model, specs, answers=None):
    """Writes the calibration of every task, made on validation images.

    Where these are few, training images join them: a price needs no labels, and the chance in who
    is among a hundred images moves the mean MACs by several points. Without validation images there
    is no calibration: a file of an earlier model is taken away.

    Args:
        run: a `RunDirectory`.
        model: its network.
        specs: sequence of `TaskSpec`.
        answers: `FrozenAnswers` of the network, if there are some already.
    """
    if not FLAGS.validation_share:
        run.calibration.unlink(missing_ok=True)
        print(f"No {run.calibration.name}, and no budgets: --validation_share=0 holds out nothing.")
        return
    calibrations, answers = {}, answers or FrozenAnswers(model)
    for spec in specs:
        logits = selector_logits(answers, spec)
        calibrations[spec.name] = calibrate(logits, model.cost_table(spec.name))
    write_calibrations(run.calibration, calibrations)


def selector_logits(answers, spec):
    """Returns the selector's logits on images to calibrate on.

    Args:
        answers: `FrozenAnswers` of the network.
        spec: `TaskSpec`.

    Returns:
        float32 array `(images, blocks, levels)`.
    """
    held_out = answers.on(spec, "validation")
    if len(held_out) >= _ENOUGH_IMAGES:
        return held_out.logits
    return np.concatenate([held_out.logits, answers.on(spec, "train").logits])


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run, model, specs = load_run(FLAGS.model_dir)
        _check_tasks(model, specs)
        if not FLAGS.validation_share:
            raise ValueError(
                "`--model_dir` must hold a run with validation images to calibrate on. "
                f"Received: model_dir={run.path}, with --validation_share=0"
            )
        calibrate_run(run, model, specs)
    print(f"Saved: {run.calibration}")


def _check_tasks(model, specs):
    """The file is written whole: with fewer tasks, the others' calibrations would be lost."""
    if {spec.name for spec in specs} != set(model.tasks):
        raise ValueError(
            f"`--tasks` must be left out, or hold all of {', '.join(model.tasks)}. "
            f"Received: {', '.join(spec.name for spec in specs)}"
        )


if __name__ == "__main__":
    flags.mark_flag_as_required("model_dir")
    app.run(main)
