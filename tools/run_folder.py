"""The folder of a training run: its files, and what is in them."""

import dataclasses
import pathlib
import re
import typing

from elastic_tf_tools.training_settings import TrainingSettings

import elastic_tf
import pipelines
from elastic_tf.files import ClaimedFolder, read_json
from elastic_tf.pretrained.initial_network import MODEL_FILE
from elastic_tf.report.tables import format_results, format_validation

FILE = "run.json"
# What run.json of a run with fresh averages has besides: which ones they are.
REFRESHED = "refreshed_averages"
# The first version whose networks can be loaded: before, files had other paths for their blocks.
_OLDEST = (0, 3)


class RunFolder:
    """Files of one training run.

    `run.json` (its settings), `checkpoint.keras` (while it trains), `model.keras` (with its
    calibrations), `validation.json` (how well it does on validation images), `results.json` (at its
    end), `logs/` (TensorBoard), `indexes/` (of image folders that are read as needed).

    Args:
        path: str or path. Need not exist.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.file = self.path / FILE
        self.checkpoint = self.path / "checkpoint.keras"
        self.model = self.path / MODEL_FILE
        self.validation = self.path / "validation.json"
        self.results = self.path / "results.json"
        self.logs = self.path / "logs"
        self.indexes = self.path / "indexes"
        self._claimed = ClaimedFolder(path, FILE, "run")

    def check(self, settings, images=None):
        """Checks that the folder is free for a training, or already holds it. Nothing is written.

        Settings that may change when a run is continued are not compared.

        Args:
            settings: `TrainingSettings`.
            images: dict, what tells the training images from others (see `told_images`); `None`
                where it is not known yet.

        Raises:
            FileExistsError: if the folder holds something else.
            ValueError: if it holds a run of a version before 0.3, or one that cannot be read.
        """
        found = self.read_description() if self.file.exists() else {}
        told_apart = settings.flat(with_resumable=False)
        told_apart[REFRESHED] = None  # Such a run has been trained already.
        # Earlier versions have noted less.
        told_apart |= {name: value for name, value in (images or {}).items() if name in found}
        self._claimed.check(told_apart)

    def claim(self, settings, images):
        """Makes the folder this run's own, or finds that it is already; see `check`."""
        self.check(settings, images)
        if not self.file.exists():
            self._claimed.claim({"version": elastic_tf.__version__} | settings.flat() | images)

    def check_class_names(self, data, specs):
        """Refuses data whose classes are not called, in this order, what the run's were.

        Args:
            data: `pipelines.DataSettings`.
            specs: sequence of `TaskSpec`.
        """
        known = self.read_description().get("class_names", {})  # Earlier versions have none.
        for task, names in data.class_names(specs).items():
            expected = known.get(task, names)
            if names != expected:
                place = [ours != theirs for ours, theirs in zip(names, expected, strict=True)]
                label = place.index(True)
                raise ValueError(
                    f"Classes of '{task}' must be those of the training, class {label} "
                    f"'{expected[label]}'. Received: '{names[label]}'"
                )

    def read_results(self):
        """Returns what results.json holds, a dict; a `ValueError` if it is not what was written."""
        return _read_figures(self.results, format_results)

    def read_validation(self):
        """Returns what validation.json holds; errors as of `read_results`."""
        return _read_figures(self.validation, format_validation)

    def data_of(self, data):
        """Returns `DataSettings` with the run's own folder of indexes, if they name none.

        For `task_specs` alone: what is written down of a run has no paths of its own, as it may be
        moved.
        """
        if data.index_dir is not None:
            return data
        return dataclasses.replace(data, index_dir=self.indexes)

    def locked(self):
        """Keeps the folder from other processes, see `ClaimedFolder.locked`."""
        return self._claimed.locked()

    def read_description(self):
        """Returns what run.json holds, a dict.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it cannot be read, or is of a version before 0.3.
        """
        if not self.file.exists():
            raise FileNotFoundError(
                "`--model_dir` must be the output directory of a training run, with a "
                f"{FILE}. Received: model_dir={self.path}"
            )
        found = read_json(self.file)
        version = found.get("version")
        numbers = re.match(r"(\d+)\.(\d+)", str(version))
        if numbers is None or tuple(map(int, numbers.groups())) < _OLDEST:
            raise ValueError(
                f"{self.path} must be a run of version 0.3 or later; train it anew. "
                f"Received: version={version}"
            )
        return found

    def read_settings(self):
        """Returns the `TrainingSettings` of the run; errors as of `read_description`."""
        try:
            return TrainingSettings.from_flat(self.read_description())
        except TypeError as error:
            raise ValueError(f"{self.file} must hold settings. Received: {error}") from None

    def load_model(self):
        """Returns the trained network, a `DeepElasticNetwork`.

        Raises:
            FileNotFoundError: if the run has not finished.
            ValueError: if the file is not a network of ours.
        """
        if not self.model.exists():
            raise FileNotFoundError(
                f"`--model_dir` must hold a finished run, with a {self.model.name}. "
                f"Received: model_dir={self.path}"
            )
        return elastic_tf.load_network(self.model)


def _read_figures(path, show):
    """Returns the figures of a file, which must be such as can be shown."""
    found = read_json(path)
    try:
        show(found)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must hold the figures that were written to it. "
            f"Received: {type(error).__name__}: {error}"
        ) from None
    return found


class LoadedRun(typing.NamedTuple):
    """A finished run: its folder, its network, its `TrainingSettings` and its `TaskSpec`s.

    `tasks` are the names of these.
    """

    run: RunFolder
    model: elastic_tf.DeepElasticNetwork
    settings: TrainingSettings
    specs: list

    @property
    def tasks(self):
        return [spec.name for spec in self.specs]


def load_run(path, data_changes=None):
    """Loads a finished run.

    Args:
        path: str or path of its folder.
        data_changes: dict, data settings in place of the run's, as `flags.read_run` gives them.

    Returns:
        `LoadedRun`.

    Raises:
        DataNotFoundError, FileNotFoundError, ValueError: if there is anything wrong with it.
    """
    run = RunFolder(path)
    settings = run.read_settings()
    settings = dataclasses.replace(
        settings, data=dataclasses.replace(settings.data, **(data_changes or {}))
    )
    model = run.load_model()
    specs = run.data_of(settings.data).task_specs()
    pipelines.check_network_tasks(model.tasks, specs)
    run.check_class_names(settings.data, specs)
    return LoadedRun(run, model, settings, specs)


def told_images(data, specs):
    """Returns what tells the training images of a run from others, a dict of plain values.

    On their number depends their order: a run that goes on finds the same images.
    """
    return {
        "training_images": data.training_images(specs),
        "image_checksums": data.image_checksums(specs),
        "class_names": data.class_names(specs),
    }


def batches_of(data, specs):
    """Returns what reads the images of a run, as `elastic_tf.evaluation` takes it.

    Args:
        data: `pipelines.DataSettings`.
        specs: sequence of `TaskSpec`.

    Returns:
        Function of a task's name and a split to a data set of `(images, labels)`.
    """
    of_task = {spec.name: spec for spec in specs}
    return lambda task, split: data.split_batches(of_task[task], split)


def training_batches_of(settings, specs, batch_size=128):
    """Returns what gives the training images of a task, shuffled and augmented, for averages.

    Args:
        settings: `TrainingSettings`.
        specs: sequence of `TaskSpec`.
        batch_size: int >= 1. Defaults to 128.

    Returns:
        Function of a task's name to an endless data set of `(images, labels)`.
    """
    of_task = {spec.name: spec for spec in specs}
    return lambda task: settings.data.task_batches(of_task[task], batch_size, settings.seed)
