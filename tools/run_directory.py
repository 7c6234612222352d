"""The output directory of a run: what it holds, and whether a command may go on in it."""

import json
import os
import pathlib

RUN_FILE = "run.json"


class RunDirectory:
    """Files of one training run.

    `run.json` (the flags), `checkpoint.keras` (while it trains), `model.keras`, `calibration.json`
    (prices of budgets), `validation.json` (how well it does on validation images) and
    `results.json` (at its end), `logs/` (TensorBoard).

    Args:
        path: str or path. Need not exist.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.checkpoint = self.path / "checkpoint.keras"
        self.model = self.path / "model.keras"
        self.calibration = self.path / "calibration.json"
        self.validation = self.path / "validation.json"
        self.results = self.path / "results.json"
        self.logs = self.path / "logs"

    def check(self, flags):
        """Checks that the directory is free for a run, or already holds it. Nothing is written.

        Args:
            flags: dict of the flags that determine the run; others that it was claimed with are
                not compared.

        Raises:
            FileExistsError: if the directory holds something else.
        """
        run_file = self.path / RUN_FILE
        if run_file.exists():
            found = self.read_flags()
            changed = sorted(name for name in flags if flags[name] != found.get(name))
            if changed:
                raise FileExistsError(
                    "`--output_dir` must be new, empty, or hold the same run. Received: "
                    f"output_dir={self.path}, whose run differs in {', '.join(changed)}"
                )
            return
        if self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
            raise FileExistsError(
                "`--output_dir` must be new, empty, or hold the same run. Received: "
                f"output_dir={self.path}, which holds other files"
            )

    def claim(self, flags):
        """Makes the directory this run's own, or finds that it is already.

        Args, errors: see `check`.
        """
        self.check(flags)
        run_file = self.path / RUN_FILE
        if not run_file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(run_file, flags)

    def read_flags(self):
        """Returns the flags of the run that the directory holds, a dict.

        Raises:
            FileNotFoundError: if it holds none.
            ValueError: if they cannot be read.
        """
        run_file = self.path / RUN_FILE
        if not run_file.exists():
            raise FileNotFoundError(
                "`--model_dir` must be the output directory of a training run, with a "
                f"{RUN_FILE}. Received: model_dir={self.path}"
            )
        return read_json(run_file)


def read_json(path):
    """Reads a JSON file; a `ValueError` names the file that is not JSON."""
    try:
        return json.loads(pathlib.Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path} must be JSON. Received: {error}") from None


def write_json(path, value):
    """Writes a JSON file whole or not at all."""
    partial = pathlib.Path(f"{path}.partial")
    partial.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(partial, path)
