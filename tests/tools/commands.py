"""How tests call the `main` of a command."""

import contextlib
import io

from absl import flags
from absl.testing import flagsaver


def run_main(main, **values):
    """Calls a `main` with flags set and returns what it printed."""
    stream = io.StringIO()
    with flagsaver.flagsaver(**values), contextlib.redirect_stdout(stream):
        main(["command"])
    return stream.getvalue()


def run_failing(main, **values):
    """Calls a `main` that must end with a one-line error and returns the line."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream):
        try:
            run_main(main, **values)
        except SystemExit as stopped:
            assert stopped.code == 2
            return stream.getvalue()
    raise AssertionError("no error")


class OwnFlags:
    """Stands for `FLAGS` of a command with a `define_flags`, whose flags are defined only for it.

    Args:
        command: module of the command.
        **values: of its own flags; the others have their defaults.
    """

    def __init__(self, command, **values):
        defined = flags.FlagValues()
        command.define_flags(defined)
        defined.mark_as_parsed()
        self._own = {name: defined[name].value for name in defined} | values

    def __getattr__(self, name):
        return self._own[name] if name in self._own else getattr(flags.FLAGS, name)

    def __getitem__(self, name):
        return flags.FLAGS[name]
