"""A finished run of random weights, whose selector's choices differ from image to image."""

import atexit
import functools
import pathlib
import shutil
import tempfile

from elastic_tf_tools.run_folder import RunFolder, batches_of, told_images
from elastic_tf_tools.training_settings import TrainingSettings

import elastic_tf
import pipelines
from elastic_tf.evaluation.answers import AnswersBySplit
from elastic_tf.evaluation.budgets import calibrate_network
from tests.testing import randomise

TASKS = ("digits", "fashion_mnist_small")


def save_run(path, tasks=TASKS, validation_share=0.1, is_calibrated=True):
    """Makes the folder of a finished run, and returns its `RunFolder`."""
    settings = TrainingSettings(
        pipelines.DataSettings(tasks=tasks, batch_size=8, validation_share=validation_share),
        elastic_tf.NetworkSettings("wrn-8-1", num_levels=3, trunk_size=4),
        elastic_tf.StageSchedule(3, rounds=1, selector_steps=1),
    )
    specs = settings.data.task_specs()
    run = RunFolder(path)
    run.claim(settings, told_images(settings.data, specs))
    model = settings.build_model(specs)
    randomise(model.estimator)
    randomise(model.selector)
    if is_calibrated:
        calibrate_network(AnswersBySplit(model, batches_of(settings.data, specs)))
    model.save(run.model)
    return run


@functools.cache
def finished_run():
    """Returns the `RunFolder` of a run of both tasks, calibrated, that must not be written to.

    It is made once in a process, however many tests ask for it; to write, they take a copy.
    """
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return save_run(folder / "run")


def copy_run(path):
    """Copies that run to a path, and returns its `RunFolder`."""
    shutil.copytree(finished_run().path, path)
    return RunFolder(path)
