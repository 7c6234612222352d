"""How well a run does on validation images: what settings are chosen by, never the test split."""

from elastic_tf_tools.calibration_file import read_calibrations

from elastic_tf.evaluation.budgets import budget_curve

# Between them the curve of a network is as good as straight.
BUDGETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def validate_tasks(run, model, specs, answers):
    """Measures a network on the validation images of all tasks.

    Args:
        run: a `RunDirectory`; its calibration is used where the training has come to its end.
        model: its compiled `DeepElasticNetwork`.
        specs: sequence of `TaskSpec`.
        answers: `FrozenAnswers` of the network.

    Returns:
        Dict of `step`, training steps taken, an int; `is_whole_training`, a bool;
        `is_selector_trained`, a bool, whether the selector has had a first turn; `tasks`, a dict
        from name to what `budget_curve` returns, without budgets before the end.
    """
    step, stages = int(model.step.numpy()), model.stages
    is_whole = step >= stages.total_steps
    names = [spec.name for spec in specs]
    calibrations = read_calibrations(run.calibration, names) if is_whole else {}
    return {
        "step": step,
        "is_whole_training": is_whole,
        "is_selector_trained": bool(
            stages.rounds and step >= stages.initial_steps + stages.selector_steps
        ),
        "tasks": {
            spec.name: budget_curve(
                model,
                answers.on(spec, "validation"),
                spec.name,
                calibrations.get(spec.name),
                BUDGETS if is_whole else (),
            )
            for spec in specs
        },
    }


def format_validation(figures):
    """Returns what `validate_tasks` returns in a line: accuracy and MACs of the choice, in %."""
    choices = {task: curve["selector"] for task, curve in figures["tasks"].items()}
    return "; ".join(
        f"{task} {100 * choice['accuracy']:.2f} % at {100 * choice['macs_share']:.1f} % MACs"
        for task, choice in choices.items()
    )
