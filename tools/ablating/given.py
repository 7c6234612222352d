"""The flags that an ablation's runs share: those that were given, and what makes it comparable."""

from elastic_tf_tools.ablating.variants import INITIAL_DISTRIBUTION, LEVELS, VARIED
from elastic_tf_tools.given_flags import given_flags

_NO_TARGET = (None, "none")


def given_to_levels(values):
    """Returns the flags of all runs of the study of levels, a list of str, `--name=value`.

    Args:
        values: `absl.flags.FlagValues` of the command.

    Raises:
        ValueError: if one was given that the study itself varies.
    """
    return _shared(values, LEVELS)


def levels_warning(values):
    """Returns why the study of levels may show nothing, str; `None` if nothing speaks against it.

    Args: see `given_to_levels`.
    """
    if values.target_macs in _NO_TARGET:
        return None
    return (
        f"with --target_macs={values.target_macs} networks of all numbers of levels are trained to "
        "the same size, and their sizes cannot be compared; --target_macs=none --rho=10 takes it "
        "back."
    )


def given_to_distributions(values):
    """Returns the flags of all runs of the study of initial distributions; see `given_to_levels`.

    Distillation is switched off: with it every image runs on the full model anyway, so that the
    proposed distribution draws no full models of its own, and is the uniform one.

    Raises:
        ValueError: besides, if what was given would make two of the distributions the same.
    """
    if values["levels"].present:
        raise ValueError(
            "`--levels` must not be given: it belongs to --study=levels. "
            f"Received: levels={','.join(values.levels)}"
        )
    shared = _shared(values, INITIAL_DISTRIBUTION)
    weight = values["distillation_weight"]
    if not weight.present:
        shared.append("--distillation_weight=0")
    elif weight.value > 0:
        raise ValueError(
            "`--distillation_weight` must be 0: with distillation the proposed distribution is the "
            f"uniform one. Received: distillation_weight={weight.value}"
        )
    if not values.full_share > 0:
        raise ValueError(
            "`--full_share` must be above 0: without full models the proposed distribution is the "
            f"uniform one. Received: full_share={values.full_share}"
        )
    return shared


def _shared(values, study):
    given = given_flags(values)
    for flag in given:
        if flag.name in VARIED[study] and flag.value != flag.default:
            raise ValueError(
                f"`--{flag.name}` must not be given: the study varies it. "
                f"Received: {flag.name}={flag.value}"
            )
    if values["seed"].present:
        raise ValueError(f"`--seeds` takes the place of `--seed`. Received: seed={values.seed}")
    return [flag.serialize() for flag in given]
