import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags
from elastic_tf_tools.evaluate import split_batches
from elastic_tf_tools.frozen_answers import FrozenAnswers
from elastic_tf_tools.task_flag import tasks_from_items

from elastic_tf.evaluation import answers as answers_module
from elastic_tf.evaluation.answers import Answers
from tests.tools.finished_run import save_run


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class FrozenAnswersTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        _, self.network = save_run(folder / "run")
        (self.spec,) = tasks_from_items(["digits"], "error")

    def test_a_task_is_frozen_once_for_all_splits(self):
        frozen = answers_module.FrozenNetwork
        with mock.patch.object(answers_module, "FrozenNetwork", side_effect=frozen) as counted:
            answers = FrozenAnswers(self.network)
            found = [answers.on(self.spec, split) for split in ("validation", "test")]
            self.assertIs(answers.on(self.spec, "validation"), found[0])
            self.assertEqual(counted.call_count, 1)

    def test_every_split_has_its_own_answers(self):
        answers = FrozenAnswers(self.network)
        answers.on(self.spec, "validation")
        found = answers.on(self.spec, "test")
        expected = Answers(self.network, split_batches(self.spec, "test"), "digits")
        self.assertAllClose(found.logits, expected.logits, atol=1e-5)
        self.assertAllEqual(found.labels, expected.labels)


if __name__ == "__main__":
    tf.test.main()
