import csv
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.tuning.trials_table import format_trials, trials_on_front, write_trials_csv

from elastic_tf.tuning.objectives import Objective
from tests.tools.tuning.outcome import completed, failed

OUTCOMES = [
    completed("0", 0.75, 0.5),
    completed("1", 0.5, 0.25, values={"levels": 2, "tuner/epochs": 3}),
    completed("2", 0.6, 0.7),
    completed("3", 0.99, 0.1, is_whole_training=False, step=30),
    failed("4"),
]


class TrialsTableTest(tf.test.TestCase):
    def test_a_row_for_each_trial(self):
        lines = format_trials(OUTCOMES, Objective("accuracy", 0.5)).splitlines()
        rows = [line for line in lines if line.startswith("|")]
        self.assertEqual(
            rows[0], "| trial | score | accuracy % | MACs % | step | levels | learning_rate |"
        )
        self.assertEqual(rows[2], "| 0 | 0.7500 | 75.00 | 50.0 | 90 | 3 | 0.0625 |")
        self.assertEqual(rows[3], "| 1 | 0.5000 | 50.00 | 25.0 | 90 | 2 |  |")
        self.assertEqual(rows[6], "| 4 | failed | – | – | – | 3 | 0.0625 |")

    def test_failures_are_told_with_their_reasons(self):
        text = format_trials(OUTCOMES, Objective("accuracy", 0.5))
        self.assertIn("- trial 4 failed: Training diverged\n", text)

    def test_the_front_is_of_whole_trainings_by_rising_macs(self):
        self.assertEqual([each["trial"] for each in trials_on_front(OUTCOMES)], ["1", "0"])

    def test_csv_holds_all_and_the_front(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_trials_csv(folder / "all.csv", folder / "front.csv", OUTCOMES)
        with open(folder / "all.csv") as file:
            rows = {row["trial"]: row for row in csv.DictReader(file)}
        self.assertEqual(list(rows), ["0", "1", "2", "3", "4"])
        self.assertEqual([rows[name]["is_on_front"] for name in "012"], ["True", "True", "False"])
        self.assertEqual(float(rows["1"]["macs_share"]), 0.25)
        self.assertEqual(rows["1"]["seed"], "1")
        self.assertEqual(rows["4"]["reason"], "Training diverged")
        self.assertIn("--num_levels=3", rows["0"]["flags"])
        with open(folder / "front.csv") as file:
            self.assertEqual([row["trial"] for row in csv.DictReader(file)], ["1", "0"])


if __name__ == "__main__":
    tf.test.main()
