"""Outcomes of trials, for tests of what is made of them."""


def completed(trial, accuracy=0.75, macs_share=0.5, **changes):
    """Returns a completed outcome whose score is its accuracy."""
    return {
        "trial": trial,
        "status": "completed",
        "run": trial,
        "seed": int(trial),
        "values": {"levels": 3, "learning_rate": 0.0625},
        "flags": ["--tasks=birds", "--num_levels=3", "--learning_rate=0.0625", f"--seed={trial}"],
        "until_step": None,
        "minutes": 1.5,
        "score": accuracy,
        "accuracy": accuracy,
        "macs_share": macs_share,
        "hypervolume": 0.5,
        "is_feasible": True,
        "is_whole_training": True,
        "step": 90,
        "tasks": {"birds": {"accuracy": accuracy, "macs_share": macs_share}},
    } | changes


def failed(trial, reason="Training diverged"):
    """Returns a failed outcome."""
    names = ("trial", "run", "seed", "values", "flags", "until_step", "minutes")
    whole = completed(trial)
    return {name: whole[name] for name in names} | {"status": "failed", "reason": reason}
