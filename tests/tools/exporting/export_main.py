"""How tests call tools/export.py."""

from unittest import mock

from elastic_tf_tools import export

from tests.tools.commands import OwnFlags, run_main


def export_main(run, output_dir, how=run_main, **values):
    """Exports a `RunDirectory` by `how`, `run_main` or `run_failing`; returns what that does."""
    shared = {name: values.pop(name) for name in ("budget", "model_dir") if name in values}
    own = OwnFlags(export, output_dir=str(output_dir), **values)
    with mock.patch.object(export, "FLAGS", own):
        return how(export.main, **{"model_dir": str(run.path)} | shared)
