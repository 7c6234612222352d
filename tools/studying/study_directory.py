"""The output directory of a study: whose it is, and what is written at the end."""

import pathlib

from elastic_tf_tools.run_directory import read_json, write_json
from elastic_tf_tools.studying.text_file import write_text


class StudyDirectory:
    """Files of one study.

    `study.json` (the study's name, and all figures), `table.md` and a folder for each variant.

    Args:
        path: str or path. Need not exist.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.figures = self.path / "study.json"
        self.table = self.path / "table.md"

    def check(self, name):
        """Checks that the directory is free for a study, or already its own.

        Args:
            name: str, of the study.

        Raises:
            FileExistsError: if the directory holds something else.
            ValueError: if its study cannot be read.
        """
        if self.figures.exists():
            found = read_json(self.figures)
            other = found.get("study") if isinstance(found, dict) else None
            if other != name:
                self._refuse(f"which holds the study {other}")
        elif self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
            self._refuse("which holds other files")

    def claim(self, name):
        """Makes the directory the study's own, or finds that it is already; as `check`."""
        self.check(name)
        if not self.figures.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.figures, {"study": name})

    def write(self, figures, table):
        """Writes the figures and the table, each whole or not at all.

        Args:
            figures: dict, as `study_figures` returns it.
            table: str.
        """
        write_json(self.figures, figures)
        write_text(self.table, table)

    def _refuse(self, reason):
        raise FileExistsError(
            "`--output_dir` must be new, empty, or hold the same study. Received: "
            f"output_dir={self.path}, {reason}"
        )
