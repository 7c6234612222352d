"""A small random network and its answers, made once for all tests of a process."""

import functools

import numpy as np

from elastic_tf.evaluation.answers import Answers, AnswersBySplit
from elastic_tf.evaluation.budgets import calibrate
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from tests.testing import TASKS, random_batch, randomise

IMAGES, LABELS = (values.numpy() for values in random_batch(batch=24)["grey"])
# The same images at every pass, in batches of two sizes.
BATCHES = [(IMAGES[:16], LABELS[:16]), (IMAGES[16:], LABELS[16:])]
# For three budgets; of the first some images are seen twice.
LOOKS = [
    SecondLook((0, 1, 0), (0, 2, 2), 0.4, 2.0),
    SecondLook((1, 1, 1), (1, 1, 3), 2.0),
    SecondLook((3, 3, 3), (3, 3, 3), 0.0),
]


@functools.cache
def small_network():
    """Returns a network of random weights, whose task "grey" is calibrated for budgets."""
    network = ElasticNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
    randomise(network)
    network.calibrations["grey"] = calibrate(selector_logits(network), network.cost_table("grey"))
    network.second_looks["grey"] = SecondLookCalibration([0.3, 0.6, 1.0], LOOKS, [0.3, 0.4, 0.5])
    return network


@functools.cache
def small_answers():
    """Returns the `Answers` of `small_network` on `BATCHES`."""
    return Answers(small_network(), BATCHES, "grey")


def answers_by_split(network, **images):
    """Returns `AnswersBySplit` on random images of any task, as many as given for each split."""
    return AnswersBySplit(network, functools.partial(random_split, images))


def random_split(images, task, split):
    """Returns a batch of images and labels, other ones for every split."""
    return [tuple(random_batch([task], images[split], seed=len(split))[task])]


def selector_logits(network, images=IMAGES, task="grey"):
    """Returns the selector's logits, computed without a frozen network."""
    return network.selector(images, task=task).numpy()


def accuracy(levels):
    """Returns the accuracy on `IMAGES`, computed without a frozen network."""
    levels = np.broadcast_to(levels, (len(IMAGES), np.shape(levels)[-1])).astype(np.int32)
    logits = small_network().estimator(IMAGES, levels=levels, task="grey").numpy()
    return (logits.argmax(-1) == LABELS).mean()


def macs_share(levels, with_selector=True):
    """Returns the mean share of MACs of the task "grey", summed in NumPy."""
    table = small_network().cost_table("grey")
    macs = table.block_macs[np.arange(table.num_blocks), levels].sum(axis=-1).mean()
    macs += table.fixed_macs + with_selector * table.selector_macs
    return macs / table.full_macs
