"""The training of a trial: a run of tools/train.py, or a part of one."""

import dataclasses
import pathlib

from elastic_tf_tools.run_directory import RunDirectory, read_json


@dataclasses.dataclass(frozen=True)
class TrialRun:
    """A training up to a step, in `<folder>/<name>`; what it prints goes to `<name>.log` beside it.

    Attributes:
        name: str, that of the trial which began it.
        folder: path of the folder of all runs.
        flags: tuple of str, `--name=value`, with the seed, without the output directory.
        until_step: int, or `None` for the whole training.
    """

    name: str
    folder: pathlib.Path
    flags: tuple
    until_step: int | None = None

    @property
    def output_dir(self):
        return self.folder / self.name

    @property
    def log(self):
        return self.folder / f"{self.name}.log"

    @property
    def arguments(self):
        """The command line of the training, a list of str."""
        until = [] if self.until_step is None else [f"--until_step={self.until_step}"]
        return [*self.flags, f"--output_dir={self.output_dir}", "--nofinal_test", *until]

    def has_results(self):
        """Returns whether the training has come as far."""
        path = RunDirectory(self.output_dir).validation
        if not path.exists():
            return False
        figures = read_json(path)
        if self.until_step is None:
            return figures["is_whole_training"]
        return figures["is_whole_training"] or figures["step"] >= self.until_step

    def validation_figures(self):
        """Returns what `validate_tasks` found at its end, a dict."""
        return read_json(RunDirectory(self.output_dir).validation)
