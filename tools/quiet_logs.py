"""Keeps the log lines of other libraries out of what a command prints."""

from absl import flags, logging


def quiet_logs():
    """Lets only warnings and errors through, unless `--verbosity` says otherwise.

    TensorFlow Datasets logs every file that it opens.
    """
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
