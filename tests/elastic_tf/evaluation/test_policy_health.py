"""Tests of the callback that watches the choice."""

import pathlib
import tempfile

import tensorflow as tf

from elastic_tf.evaluation.answers import Answers
from elastic_tf.evaluation.fixed_front import FixedFront, search_front
from elastic_tf.evaluation.policy_health import PolicyHealth
from elastic_tf.evaluation.task_evaluation import evaluate_task
from elastic_tf.models.elastic_network import ElasticNetwork
from tests.testing import TASKS, random_batch, randomise


class CountingNetwork(ElasticNetwork):
    """A network with the counter that training has."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.step = tf.Variable(0, dtype=tf.int64)


def written(folder):
    """Returns `{(tag, step): value}` of all event files below a folder."""
    values = {}
    for path in sorted(pathlib.Path(folder).rglob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                values[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return values


class PolicyHealthTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.network = CountingNetwork(TASKS, backbone="wrn-8-1", trunk_size=4)
        randomise(self.network)
        self.batches = {"grey": [random_batch(batch=12)["grey"]]}
        self.folder = tempfile.mkdtemp()

    def _end_epochs(self, steps, **arguments):
        callback = PolicyHealth(self.batches, self.folder, search_evaluations=5, **arguments)
        callback.set_model(self.network)
        for epoch, step in enumerate(steps):
            self.network.step.assign(step)
            callback.on_epoch_end(epoch)
        callback.on_train_end()
        return written(self.folder)

    def test_figures_are_those_of_an_evaluation(self):
        values = self._end_epochs([1])
        answers = Answers(self.network, self.batches["grey"], "grey")
        results = evaluate_task(answers, FixedFront(search_front(answers, 5), answers), shuffles=2)
        policy = results["policy"]
        for name, expected in {
            "accuracy/front": results["accuracy"]["front"],
            "macs/p95": policy["macs"]["p95"],
            "gain_over_shuffled/low": results["gain_over_shuffled"]["low"],
            "gain_over_front/points": results["gain_over_front"]["points"],
            "choice/entropy": policy["entropy"],
            "choice/top_ten_share": policy["top_share"],
            "choice/top_share": policy["top_models"][0]["share"],
        }.items():
            self.assertAllClose(values[f"grey/{name}", 0], expected)
        self.assertLen(values, 5 + 3 + 6 + 4)

    def test_every_few_epochs_once_there_is_a_selector(self):
        values = self._end_epochs([10, 20, 30, 40, 50], every=2, start_step=20)
        self.assertEqual({epoch for _, epoch in values}, {3})

    def test_nothing_is_written_before(self):
        self.assertEmpty(self._end_epochs([1, 2], start_step=2))
        self.assertEmpty(list(pathlib.Path(self.folder).iterdir()))

    def test_a_period_below_one_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`every` must be at least 1. Received: every=0"):
            PolicyHealth(self.batches, self.folder, every=0)
