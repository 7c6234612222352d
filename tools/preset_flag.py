"""A flag that stands for several others, in its place on the command line."""

from absl import flags


class _PresetFlag(flags.EnumFlag):
    def __init__(self, name, presets, help, flag_values):
        self.presets = presets
        self.flag_values = flag_values
        super().__init__(name, None, help, sorted(presets))

    def parse(self, argument):
        super().parse(argument)
        for name, value in self.presets[self.value].items():
            flag = self.flag_values[name]
            if value is None:
                flag.value = None
            else:
                flag.parse(str(value))


def define_preset(name, presets, help, flag_values=flags.FLAGS):
    """Defines a flag whose value sets other flags when it is parsed.

    Flags are parsed in their order, so that those before it are overwritten, and those behind it
    change what it has set.

    Args:
        name: str.
        presets: dict from preset to a dict from the names of flags, defined by then, to values.
        help: str.
        flag_values: `flags.FlagValues`. Defaults to the command's.
    """
    flags.DEFINE_flag(_PresetFlag(name, presets, help, flag_values), flag_values)
