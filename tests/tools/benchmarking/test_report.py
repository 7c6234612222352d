import tensorflow as tf
from elastic_tf_tools.benchmarking import report

from tests.tools.benchmarking.small_subjects import make_row


class ReportTest(tf.test.TestCase):
    def test_levels_are_compared_with_plain_models_of_their_widths(self):
        rows = [
            make_row("dense", 8, [4.0], [4.0], 1.0),
            make_row("plain_level_0", 8, [2.0], [4.0], 0.25),
            make_row("elastic_level_0", 8, [3.0], [4.0], 0.25),
            make_row("elastic_level_1", 8, [5.0], [4.0], 1.0),
        ]
        lines = report.format_inference(rows).splitlines()
        self.assertEqual(lines[0], "Prediction, batch size 8, 1 rounds")
        level_0, level_1 = (line.split() for line in lines[-2:])
        self.assertEqual(
            level_0, ["elastic_level_0", "3000.00", "3000.00", "0.750", "0.250", "+0.500", "1.500"]
        )
        self.assertEqual(level_1[-1], "1.250")

    def test_the_input_table_has_steps_per_second(self):
        rows = [
            make_row("input_cached", 6, [0.2], [0.2], None),
            make_row("input_pipeline", 6, [0.25], [0.2], None),
        ]
        last = report.format_input(rows).splitlines()[-1].split()
        self.assertEqual(last, ["input_pipeline", "250.00", "250.00", "1.250", "4.00"])

    def test_the_training_table_names_its_batch_size(self):
        table = report.format_training([make_row("train_dense", 16)])
        self.assertIn("Training step, batch size 16", table)

    def test_slower_rows_are_named_with_their_batch_size(self):
        inference = [
            make_row("dense", 1),
            make_row("masked", 1, [9.0]),
            make_row("selector", 1, [9.0]),
            make_row("elastic_level_3", 1, [1.04]),
            make_row("elastic_random", 1, [0.9]),
            make_row("elastic_random", 8, [0.9]),
        ]
        training = [make_row("train_dense", 32, [3.0]), make_row("train_initial", 32, [1.2])]
        self.assertEqual(
            report.where_slower(inference, training),
            "Slower than dense at: batch size 1: level 3 (1.04x); "
            "training at batch size 32: initial (1.20x).",
        )

    def test_if_none_is_slower_the_slowest_is_named(self):
        rows = [make_row("elastic_level_0", 1, [0.5]), make_row("elastic_random", 8, [1.004])]
        self.assertEqual(
            report.where_slower(rows, []),
            "No elastic row was slower than dense; the slowest was random (1.00x), batch size 8.",
        )

    def test_without_elastic_rows_nothing_is_said(self):
        self.assertEqual(report.where_slower([], []), "")


if __name__ == "__main__":
    tf.test.main()
