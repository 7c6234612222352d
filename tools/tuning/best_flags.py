"""The best trial as a flagfile that tools/train.py takes as it is."""


def format_best_flags(outcome, objective, folder):
    """Returns the text of the flagfile.

    Args:
        outcome: dict, the completed outcome of a trial, see `Outcomes`.
        objective: the search's `Objective`.
        folder: path of the search; the training goes into its folder `best`.
    """
    part = "" if outcome["is_whole_training"] else f", of a training up to step {outcome['step']}"
    tasks = "; ".join(
        f"{task} {100 * point['accuracy']:.2f} % at {100 * point['macs_share']:.1f} % MACs"
        for task, point in outcome["tasks"].items()
    )
    lines = [
        f"# Trial {outcome['trial']} of a search by tools/tune.py for the best",
        f"# {objective.describe()}: {outcome['score']:.4f}{part}.",
        f"# On the validation images: {tasks}",
        "# To train it again:",
        f"#   python tools/train.py --flagfile={folder / 'best.flags'}",
        f"--output_dir={folder / 'best'}",
        *outcome["flags"],
    ]
    return "\n".join(lines) + "\n"
