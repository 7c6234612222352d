"""The settings that a search varies: how KerasTuner draws them, and the flags that they become."""

import itertools

from elastic_tf_tools.flag_values import parse_ratios

import elastic_tf
from elastic_tf.tuning.ranges import LEVELS, RATIOS, RHO, TUNABLES

# Of a level, where nothing says otherwise: the paper's halvings.
_HALF = 0.5
# Of a float: more than a search can tell apart, and a person can read.
_DIGITS = 4
_SCHEDULE = ("initial_steps", "rounds", "selector_steps", "estimator_steps")


class SearchSpace:
    """What a search varies, around given settings.

    Ratios are not drawn themselves: `narrowing_<k>` is the width of a level as a share of the next
    wider one's, k counted from full width down. So whatever is drawn, ratios increase and end with
    1, and a level has the same meaning whatever their number. With `per_stage` every stage of the
    backbone has its own, `stage_<s>_narrowing_<k>`.

    Args:
        ranges: dict from the name of a `Tunable` to its `Range`.
        given: dict from the names of flags of tools/train.py to their values; `backbone`,
            `num_levels`, `ratios` and those that `ranges` names.
        per_stage: bool. Defaults to `False`.

    Raises:
        ValueError: if a range leaves what its setting can be, or the settings exclude each other.
    """

    def __init__(self, ranges, given, per_stage=False):
        self.ranges = dict(ranges)
        self.given = dict(given)
        self.per_stage = per_stage
        self.backbone = elastic_tf.parse_backbone(given["backbone"])
        for name, allowed in self.ranges.items():
            _check_bounds(TUNABLES[name], allowed)
        self._check()

    def _check(self):
        ratios = self.given["ratios"]
        if RHO in self.ranges and "target_macs" in self.ranges:
            raise ValueError(
                "`--tune` must not hold both rho and target_macs: a target sets the price itself. "
                f"Received: {', '.join(self.ranges)}"
            )
        if self.per_stage and RATIOS not in self.ranges:
            raise ValueError(
                "`--ratios_per_stage` needs ratios in `--tune`. "
                f"Received: {', '.join(self.ranges) or 'none'}"
            )
        if ratios and LEVELS in self.ranges and RATIOS not in self.ranges:
            raise ValueError(
                "`--ratios` must not be given where levels are tuned and ratios are not. "
                f"Received: ratios={ratios}"
            )

    def declare(self, hyperparameters):
        """Registers everything that is varied with a `keras_tuner.HyperParameters`.

        Defaults are the given values, or what is nearest to them in the range.
        """
        for name, allowed in self.ranges.items():
            if name != RATIOS:
                _declare(hyperparameters, name, TUNABLES[name], allowed, self._default(name))
        if RATIOS in self.ranges:
            self._declare_narrowings(hyperparameters)

    def _declare_narrowings(self, hyperparameters):
        numbers = self._numbers_of_levels()
        places = range(1, self._free(max(numbers)) + 1)
        for prefix, k in itertools.product(self._prefixes(), places):
            arguments = (
                hyperparameters,
                f"{prefix}narrowing_{k}",
                TUNABLES[RATIOS],
                self.ranges[RATIOS],
                self._default_narrowing(k),
            )
            if LEVELS in self.ranges:
                with_it = [number for number in numbers if self._free(number) >= k]
                with hyperparameters.conditional_scope(LEVELS, with_it):
                    _declare(*arguments)
            else:
                _declare(*arguments)

    def flags(self, values):
        """Returns the flags of tools/train.py that a draw stands for, a list of str.

        Args:
            values: dict from the names of hyperparameters to their values, as of
                `HyperParameters.values`.
        """
        flags = [
            f"--{TUNABLES[name].flag}={_format(values[name])}"
            for name in self.ranges
            if name not in (LEVELS, RATIOS)
        ]
        if RHO in self.ranges:
            flags.append("--target_macs=none")  # A target would set the price itself.
        if RATIOS in self.ranges:
            flags.append(f"--ratios={self._ratios_text(values)}")
        elif LEVELS in self.ranges:
            flags.append(f"--num_levels={values[LEVELS]}")
        return flags

    def total_steps(self, values):
        """Returns the steps of the training that a draw stands for, an int."""
        lengths = {name: int(values.get(name, self.given[name])) for name in _SCHEDULE}
        return elastic_tf.StageSchedule(**lengths).total_steps

    def describe(self):
        """Returns what is varied, as plain values that JSON can hold."""
        ranges = {
            name: list(allowed.values) or [allowed.low, allowed.high]
            for name, allowed in self.ranges.items()
        }
        return ranges | {"ratios_per_stage": self.per_stage}

    def _ratios_text(self, values):
        levels = values.get(LEVELS, self._numbers_of_levels()[0])
        by_stage = [self._ratios(values, prefix, levels) for prefix in self._prefixes()]
        texts = [",".join(_format(ratio) for ratio in ratios) for ratios in by_stage]
        if not self.per_stage:
            return texts[0]
        return ";".join(text for text in texts for _ in range(self.backbone.blocks_per_stage))

    def _ratios(self, values, prefix, levels):
        """Returns the ratios of `levels` levels, a list of floats that ends with 1."""
        ratios = [1.0]
        for k in range(1, self._free(levels) + 1):
            ratios.insert(0, ratios[0] * values[f"{prefix}narrowing_{k}"])
        return [0.0, *ratios] if self.backbone.residual else ratios

    def _prefixes(self):
        stages = len(self.backbone.stage_filters) if self.per_stage else 0
        return [f"stage_{stage}_" for stage in range(1, stages + 1)] or [""]

    def _free(self, levels):
        """Returns how many of so many levels have a width to choose."""
        return levels - 2 if self.backbone.residual else levels - 1

    def _numbers_of_levels(self):
        """Returns all numbers of levels there can be, a list of int."""
        if LEVELS not in self.ranges:
            return [len(self._given_ratios())]
        allowed = self.ranges[LEVELS]
        return list(allowed.values) or list(range(allowed.low, allowed.high + 1))

    def _given_ratios(self):
        """Returns the ratios of the settings as given; of the first block, if each has its own."""
        if not self.given["ratios"]:
            return elastic_tf.default_ratios(self.given["num_levels"], self.backbone.residual)
        ratios = parse_ratios(self.given["ratios"])
        return ratios[0] if isinstance(ratios[0], list) else ratios

    def _default_narrowing(self, k):
        ratios = self._given_ratios()[::-1]
        return ratios[k] / ratios[k - 1] if k <= self._free(len(ratios)) else _HALF

    def _default(self, name):
        value = self.given[TUNABLES[name].flag]
        try:
            return TUNABLES[name].kind(value)
        except (TypeError, ValueError):  # None, or one for each task.
            allowed = self.ranges[name]
            return TUNABLES[name].kind((allowed.low + allowed.high) / 2)


def _declare(hyperparameters, name, tunable, allowed, default):
    default = allowed.nearest(default)
    if allowed.low == allowed.high:
        hyperparameters.Fixed(name, allowed.low)
    elif allowed.values:
        hyperparameters.Choice(name, list(allowed.values), default=default)
    else:
        declare = hyperparameters.Int if tunable.kind is int else hyperparameters.Float
        declare(name, allowed.low, allowed.high, sampling=tunable.sampling, default=default)


def _check_bounds(tunable, allowed):
    too_low = allowed.low < tunable.least
    too_high = tunable.most is not None and allowed.high > tunable.most
    if too_low or too_high:
        most = "" if tunable.most is None else f" and at most {tunable.most}"
        raise ValueError(
            f"`--tune_{tunable.name}` must be of numbers of at least {tunable.least}{most}. "
            f"Received: {allowed.low}..{allowed.high}"
        )


def _format(value):
    return str(value) if isinstance(value, int) else f"{value:.{_DIGITS}g}"
