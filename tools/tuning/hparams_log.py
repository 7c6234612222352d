"""A trial for TensorBoard's HParams page."""

import tensorflow as tf
from elastic_tf_tools.tuning.outcomes import COMPLETED
from elastic_tf_tools.tuning.trials_table import value_names
from tensorboard.plugins.hparams import api

_FIGURES = ("score", "accuracy", "macs_share", "hypervolume", "minutes")


def log_hparams(folder, outcome):
    """Writes the values of a trial, and its figures if it has come to any.

    Args:
        folder: str or path, of this trial alone.
        outcome: dict, see `Outcomes`.
    """
    values = {name: outcome["values"][name] for name in value_names([outcome])}
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=outcome.get("step", 0)):
        api.hparams(values | {"seed": outcome["seed"]}, trial_id=outcome["trial"])
        if outcome["status"] == COMPLETED:
            for name in _FIGURES:
                tf.summary.scalar(name, outcome[name])
    writer.close()
