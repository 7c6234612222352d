"""The supplement's two ablations as studies."""

from elastic_tf_tools.studying.study_file import Study, Variant

from elastic_tf.report.claims import DISTRIBUTIONS

LEVELS, INITIAL_DISTRIBUTION = "levels", "initial_distribution"
# What each ablation changes itself.
VARIED = {LEVELS: ("num_levels", "ratios"), INITIAL_DISTRIBUTION: ("initial_distribution",)}


def levels_study(flags, numbers):
    """Returns the `Study` of the number of levels, a variant for each.

    Args:
        flags: list of str, `--name=value`, of all runs.
        numbers: list of int >= 2, each once.
    """
    return Study(
        LEVELS,
        "The number of levels in each block (figure 2 (a) of the supplement).",
        tuple(
            Variant(
                f"levels{number}", f"{number} levels a block.", (*flags, f"--num_levels={number}")
            )
            for number in numbers
        ),
    )


def distributions_study(flags):
    """Returns the `Study` of the initial distribution, a variant for each.

    Args: see `levels_study`.
    """
    what = {
        "proposed": "Some images on the full model, the others on any.",
        "uniform": "Every image on any model.",
        "random": "Every image on what the untrained selector gives it.",
    }
    return Study(
        INITIAL_DISTRIBUTION,
        "The models that the initial stage trains (figure 2 (b) of the supplement).",
        tuple(
            Variant(name, what[name], (*flags, f"--initial_distribution={name}"))
            for name in DISTRIBUTIONS
        ),
    )
