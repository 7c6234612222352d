"""The network and its training as a function of what is searched."""

import keras_tuner
from absl.testing import flagsaver
from elastic_tf_tools import model_flags, training_flags
from elastic_tf_tools.given_flags import flag_name


class TrainingHyperModel(keras_tuner.HyperModel):
    """Builds the compiled `DeepElasticNetwork` that tools/train.py trains with the same flags.

    Every KerasTuner tuner takes it; `TrainingTuner` trains by tools/train.py itself, each trial in
    a process of its own.

    Args:
        space: a `SearchSpace`.
        tasks: dict of tasks, as `elastic_tf` takes it.
        given: list of str, flags of tools/train.py, `--name=value`, that hold for all trials.
        name: str. Defaults to `None`.
    """

    def __init__(self, space, tasks, given=(), name=None):
        super().__init__(name=name)
        self.space = space
        self.tasks = tasks
        self.given = list(given)

    def declare_hyperparameters(self, hp):
        self.space.declare(hp)

    def build(self, hp):
        """Returns the network, compiled.

        Args:
            hp: `keras_tuner.HyperParameters`.
        """
        self.space.declare(hp)
        values = dict(flag.lstrip("-").split("=", 1) for flag in self.training_flags(hp.values))
        with flagsaver.as_parsed(**values):
            model = model_flags.build_model(self.tasks)
            training_flags.compile_model(model)
        return model

    def training_flags(self, values):
        """Returns all flags of tools/train.py of a trial but seed and folder, a list of str.

        Args:
            values: dict, as of `HyperParameters.values`.
        """
        varied = self.space.flags(values)
        names = {flag_name(flag) for flag in varied}
        return [flag for flag in self.given if flag_name(flag) not in names] + varied
