import json
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.calibration_file import read_calibrations, write_calibrations

from elastic_tf.policies.budget import BudgetCalibration

CALIBRATIONS = {
    "digits": BudgetCalibration([0.1, 1.0], [50.0, -50.0]),
    "clothes": BudgetCalibration([0.2], [3.0]),
}


class CalibrationFileTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.path = self.folder / "calibration.json"

    def test_it_comes_back_for_the_tasks_wanted(self):
        write_calibrations(self.path, CALIBRATIONS)
        (digits,) = read_calibrations(self.path, ["digits"]).values()
        self.assertAllEqual(digits.budgets, [0.1, 1.0])
        self.assertAllEqual(digits.prices, [50.0, -50.0])
        self.assertEqual(
            list(read_calibrations(self.path, ["clothes", "digits"])), ["clothes", "digits"]
        )

    def test_nothing_else_is_left_beside_it(self):
        write_calibrations(self.path, CALIBRATIONS)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["calibration.json"])

    def test_a_missing_file_names_the_command_that_makes_it(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "tools/calibrate.py makes it. Received: model_dir=/"
        ):
            read_calibrations(self.path, ["digits"])

    def test_a_task_that_is_not_in_it_is_named(self):
        write_calibrations(self.path, CALIBRATIONS)
        fault = "must hold the calibration of birds; .* Received: the tasks digits, clothes"
        with self.assertRaisesRegex(ValueError, fault):
            read_calibrations(self.path, ["digits", "birds"])

    def test_tasks_may_be_missing_where_that_is_said(self):
        write_calibrations(self.path, CALIBRATIONS)
        found = read_calibrations(self.path, ["birds", "clothes"], partial=True)
        self.assertEqual(list(found), ["clothes"])

    @parameterized.parameters(
        ("{", "calibration.json must be JSON"),
        ("[1]", "calibration.json must be a dict of tasks. Received: a list"),
        ('{"digits": 3}', "must hold a calibration of 'digits': .* Received: int"),
    )
    def test_a_damaged_file_is_named(self, text, fault):
        self.path.write_text(text)
        with self.assertRaisesRegex(ValueError, fault):
            read_calibrations(self.path, ["digits"])

    def test_prices_that_are_none_name_the_file(self):
        values = {"digits": {"budgets": [0.1, 0.2], "prices": [0.0, 1.0]}}
        self.path.write_text(json.dumps(values))
        with self.assertRaisesRegex(ValueError, "calibration.json .*`prices` must not increase"):
            read_calibrations(self.path, ["digits"])


if __name__ == "__main__":
    tf.test.main()
