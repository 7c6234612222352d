"""The settings that a search varies: how KerasTuner draws them, and what they become."""

import dataclasses
import itertools

from elastic_tf.costs.ratios import default_ratios
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.pretrained.initial_network import backbone_of, is_elastic
from elastic_tf.settings import check_value
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from elastic_tf.tuning.ranges import Range

SECTIONS = {
    "network": NetworkSettings,
    "schedule": StageSchedule,
    "method": MethodSettings,
    "optimizers": OptimizerSettings,
}
# All settings that can be varied: from a name to its section and its dataclass field.
TUNABLES = {
    field.name: (section, field)
    for section, cls in SECTIONS.items()
    for field in dataclasses.fields(cls)
    if "tune" in field.metadata
}
_NUM_LEVELS, _RATIOS = "num_levels", "ratios"
# Bounds of a narrowing: below, a level is as good as none; above, as good as the next.
_NARROWEST, _WIDEST = 0.05, 0.95
# Of a level, where nothing says otherwise: the paper's halvings.
_HALF = 0.5
# Of a float: more than a search can tell apart, and a person can read.
_DIGITS = 4


class SearchSpace:
    """What a search varies, around given settings.

    Ratios are not drawn themselves: `narrowing_<k>` is the width of a level as a share of the next
    wider one's, k counted from full width down. So whatever is drawn, ratios increase and end with
    1, and a level has the same meaning whatever their number. With `ratios_per_stage` every stage
    of the backbone has its own, `stage_<s>_narrowing_<k>`.

    Args:
        tune: dict from the name of a setting, of `TUNABLES`, to its range as `Range.parse` takes
            it, where `x` stands for the given value, or `None` for the range that its field has.
        network: `NetworkSettings`, as given. This and all others default to their own defaults.
        schedule: `StageSchedule`.
        method: `MethodSettings`.
        optimizers: `OptimizerSettings`.
        ratios_per_stage: bool. Defaults to `False`.

    Raises:
        ValueError: if a range leaves what its setting can be, or the settings exclude each other.

    Example:

    >>> space = SearchSpace({"num_levels": None, "learning_rate": "0.05..0.2"})
    """

    def __init__(
        self,
        tune,
        network=None,
        schedule=None,
        method=None,
        optimizers=None,
        ratios_per_stage=False,
    ):
        given = (network, schedule, method, optimizers)
        self.given = {
            section: settings or cls()
            for (section, cls), settings in zip(SECTIONS.items(), given, strict=True)
        }
        self.ratios_per_stage = ratios_per_stage
        self.backbone = parse_backbone(backbone_of(self.given["network"]))
        self.ranges = {name: self._range(name, text) for name, text in tune.items()}
        self._check()

    def declare(self, hyperparameters):
        """Registers everything that is varied with a `keras_tuner.HyperParameters`.

        Defaults are the given values, or what is nearest to them in the range.
        """
        for name, allowed in self.ranges.items():
            if name != _RATIOS:
                sampling = TUNABLES[name][1].metadata.get("sampling", "linear")
                allowed.declare(hyperparameters, name, self._default(name), sampling)
        if _RATIOS in self.ranges:
            self._declare_narrowings(hyperparameters)

    def settings(self, values):
        """Returns the settings that a draw stands for.

        What is drawn as it was given stays as it was given; other floats are rounded to four
        significant digits.

        Args:
            values: dict from the names of hyperparameters to their values, as of
                `HyperParameters.values`.

        Returns:
            Dict from the names in `SECTIONS` to settings.
        """
        changes = {section: {} for section in SECTIONS}
        for name in self.ranges.keys() - {_NUM_LEVELS, _RATIOS}:
            is_given = values[name] == self._given(name)
            changes[TUNABLES[name][0]][name] = values[name] if is_given else _rounded(values[name])
        if "price" in self.ranges:
            changes["method"]["target_macs"] = None  # A target would set the price itself.
        if _RATIOS in self.ranges:
            changes["network"] |= self._changed_ratios(values)
        elif _NUM_LEVELS in self.ranges:
            changes["network"][_NUM_LEVELS] = values[_NUM_LEVELS]
        return {
            section: dataclasses.replace(given, **changes[section])
            for section, given in self.given.items()
        }

    def describe(self):
        """Returns what is varied, as plain values that JSON can hold."""
        ranges = {
            name: list(allowed.values) or [allowed.low, allowed.high]
            for name, allowed in self.ranges.items()
        }
        return ranges | {"ratios_per_stage": self.ratios_per_stage}

    def _range(self, name, text):
        if name not in TUNABLES:
            raise ValueError(f"`tune` must be of {', '.join(TUNABLES)}. Received: {name}")
        field, given = TUNABLES[name][1], self._given(name)
        kind = float if name == _RATIOS else field.metadata["kind"]
        try:
            allowed = Range.parse(
                text or field.metadata["tune"],
                kind,
                given if isinstance(given, (int, float)) else None,
            )
        except ValueError as error:
            raise ValueError(f"`tune_{name}` {error}") from None
        if name != _RATIOS:
            for end in (allowed.low, allowed.high):
                check_value(field, end)
        elif allowed.low < _NARROWEST or allowed.high > _WIDEST:
            raise ValueError(
                f"`tune_ratios` must be of numbers in [{_NARROWEST}, {_WIDEST}]. "
                f"Received: {allowed.low}..{allowed.high}"
            )
        return allowed

    def _check(self):
        names = ", ".join(self.ranges)
        if not self.ranges:
            raise ValueError(f"`tune` must name something of {', '.join(TUNABLES)}. Received: none")
        if {"price", "target_macs"} <= self.ranges.keys():
            raise ValueError(
                "`tune` must not hold both price and target_macs: a target sets the price itself. "
                f"Received: {names}"
            )
        if self.ratios_per_stage and _RATIOS not in self.ranges:
            raise ValueError(f"`ratios_per_stage` needs ratios in `tune`. Received: {names}")
        start = self.given["network"].init_from
        fixed = [name for name in self.ranges if TUNABLES[name][0] == "network"]
        if start and fixed and is_elastic(start):
            raise ValueError(
                "`tune` must not hold settings of the network where `init_from` is an elastic one, "
                f"which has them. Received: {', '.join(fixed)}"
            )
        ratios = self.given["network"].ratios
        if ratios and _NUM_LEVELS in self.ranges and _RATIOS not in self.ranges:
            raise ValueError(
                "`ratios` must not be given where num_levels is tuned and ratios are not. "
                f"Received: ratios={ratios}"
            )

    def _declare_narrowings(self, hyperparameters):
        allowed, numbers = self.ranges[_RATIOS], self._numbers_of_levels()
        places = range(1, self._free(max(numbers)) + 1)
        for prefix, k in itertools.product(self._prefixes(), places):
            arguments = (f"{prefix}narrowing_{k}", self._default_narrowing(k), "linear")
            if _NUM_LEVELS in self.ranges:
                with_it = [number for number in numbers if self._free(number) >= k]
                with hyperparameters.conditional_scope(_NUM_LEVELS, with_it):
                    allowed.declare(hyperparameters, *arguments)
            else:
                allowed.declare(hyperparameters, *arguments)

    def _changed_ratios(self, values):
        """Returns the `ratios` that were drawn; nothing where they are the given ones."""
        levels = values.get(_NUM_LEVELS, self._numbers_of_levels()[0])
        by_stage = [self._drawn_ratios(values, prefix, levels) for prefix in self._prefixes()]
        of_given = tuple(_rounded(ratio) for ratio in self._given_ratios())
        if set(by_stage) == {of_given} and not self._has_ratios_per_block():
            return {}
        if not self.ratios_per_stage:
            return {_RATIOS: by_stage[0]}
        counts = self.backbone.blocks_of_stages
        by_block = [(of,) * count for of, count in zip(by_stage, counts, strict=True)]
        return {_RATIOS: sum(by_block, ())}

    def _drawn_ratios(self, values, prefix, levels):
        """Returns the ratios of `levels` levels, a tuple of floats that ends with 1."""
        ratios = [1.0]
        for k in range(1, self._free(levels) + 1):
            ratios.insert(0, ratios[0] * values[f"{prefix}narrowing_{k}"])
        bottom = [0.0] if self.backbone.residual else []
        return tuple(_rounded(ratio) for ratio in [*bottom, *ratios])

    def _prefixes(self):
        stages = len(self.backbone.stage_filters) if self.ratios_per_stage else 0
        return [f"stage_{stage}_" for stage in range(1, stages + 1)] or [""]

    def _free(self, levels):
        """Returns how many of so many levels have a width to choose."""
        return levels - 2 if self.backbone.residual else levels - 1

    def _numbers_of_levels(self):
        """Returns all numbers of levels there can be, a list of int."""
        if _NUM_LEVELS not in self.ranges:
            return [len(self._given_ratios())]
        allowed = self.ranges[_NUM_LEVELS]
        return list(allowed.values) or list(range(allowed.low, allowed.high + 1))

    def _has_ratios_per_block(self):
        ratios = self.given["network"].ratios
        return bool(ratios) and isinstance(ratios[0], (list, tuple))

    def _given_ratios(self):
        """Returns the ratios of the settings as given; of the first block, if each has its own."""
        network = self.given["network"]
        if not network.ratios:
            return default_ratios(network.num_levels, self.backbone.residual)
        return network.ratios[0] if self._has_ratios_per_block() else network.ratios

    def _default_narrowing(self, k):
        ratios = self._given_ratios()[::-1]
        return ratios[k] / ratios[k - 1] if k <= self._free(len(ratios)) else _HALF

    def _given(self, name):
        return getattr(self.given[TUNABLES[name][0]], name)

    def _default(self, name):
        given = self._given(name)
        if isinstance(given, (int, float)):
            return given
        middle = (self.ranges[name].low + self.ranges[name].high) / 2  # Of None, or of a dict.
        return TUNABLES[name][1].metadata["kind"](middle)


def _rounded(value):
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
