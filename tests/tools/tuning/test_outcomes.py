import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.tuning.outcomes import Outcomes, ranked

from tests.tools.tuning.outcome import completed, failed


class OutcomesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        self.outcomes = Outcomes(pathlib.Path(folder) / "outcomes")

    def test_what_is_written_is_read(self):
        self.outcomes.write(completed("1"))
        self.assertEqual(self.outcomes.read("1"), completed("1"))

    def test_there_may_be_none(self):
        self.assertIsNone(self.outcomes.read("1"))
        self.assertEqual(self.outcomes.all(), [])

    def test_all_are_in_the_order_of_trials(self):
        for name in ("02", "00", "010", "01"):
            self.outcomes.write(completed(name))
        found = [each["trial"] for each in self.outcomes.all()]
        self.assertEqual(found, ["00", "01", "02", "010"])

    def test_the_best_comes_first_and_failures_do_not_count(self):
        outcomes = [completed("0", 0.5), failed("1"), completed("2", 0.75)]
        self.assertEqual([each["trial"] for each in ranked(outcomes)], ["2", "0"])

    def test_whole_trainings_come_before_parts_of_one(self):
        part = completed("0", 0.9, is_whole_training=False)
        self.assertEqual(
            [each["trial"] for each in ranked([part, completed("1", 0.1)])], ["1", "0"]
        )


if __name__ == "__main__":
    tf.test.main()
