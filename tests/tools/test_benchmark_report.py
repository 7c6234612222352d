from elastic_tf_tools.benchmark_report import draw_plot, format_rows, where_slower
from elastic_tf_tools.timing import Row

import numpy as np
import tensorflow as tf


def make_row(name, batch_size=1, seconds=1.0, reference=1.0, macs_share=1.0):
    """Returns a `Row` of one round."""
    return Row(name, batch_size, np.array([seconds]), np.array([reference]), macs_share)


ROWS = [
    make_row("dense", 1, 4.0, 4.0, 1.0),
    make_row("standalone_level_0", 1, 2.0, 4.0, 0.25),
    make_row("elastic_level_0", 1, 3.0, 4.0, 0.25),
    make_row("elastic_level_1", 1, 5.0, 4.0, 1.0),
    make_row("elastic_random", 1, 3.6, 4.0, 0.7),
]


class TablesTest(tf.test.TestCase):
    def _cells(self, title, rows):
        """Returns the table's lines below its title, each a list of cells without spaces."""
        first, header, _, *lines = format_rows(title, rows).splitlines()
        self.assertEqual(first, f"{title}, 1 rounds")
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in (header, *lines)]

    def test_levels_are_compared_with_standalone_models_of_their_widths(self):
        header, *lines = self._cells("Prediction", ROWS)
        self.assertEqual(header[4:], ["to dense", "MACs", "overhead", "to standalone"])
        self.assertEqual(
            lines[2],
            ["elastic_level_0", "3000.00", "3000.00", "0.33", "0.750", "0.250", "+0.500", "1.500"],
        )
        self.assertEqual([line[-1] for line in lines], ["", "", "1.500", "1.250", ""])

    def test_columns_without_figures_are_left_out(self):
        header, _, last = self._cells(
            "Input",
            [
                make_row("input_cached", 6, 0.2, 0.2, None),
                make_row("input_pipeline", 6, 0.25, 0.2, None),
            ],
        )
        self.assertEqual(header, ["", "median ms", "p95 ms", "calls/s", "to cached"])
        self.assertEqual(last, ["input_pipeline", "250.00", "250.00", "4.00", "1.250"])


class WhereSlowerTest(tf.test.TestCase):
    def test_slower_rows_are_named_with_their_batch_size(self):
        rows = [
            make_row("dense", 1),
            make_row("masked", 1, 9.0),
            make_row("selector", 1, 9.0),
            make_row("elastic_level_3", 1, 1.04),
            make_row("elastic_random", 1, 0.9),
            make_row("elastic_random", 8, 0.9),
            make_row("train_dense", 32, 3.0),
            make_row("train_initial", 32, 1.2),
        ]
        self.assertEqual(
            where_slower(rows),
            "Slower than dense at: batch size 1: level 3 (1.04x); "
            "training at batch size 32: initial (1.20x).",
        )

    def test_if_none_is_slower_the_slowest_is_named(self):
        rows = [make_row("elastic_level_0", 1, 0.5), make_row("elastic_random", 8, 1.004)]
        self.assertEqual(
            where_slower(rows),
            "No elastic row was slower than dense; the slowest was random (1.00x), batch size 8.",
        )

    def test_without_elastic_rows_nothing_is_said(self):
        self.assertEqual(where_slower([]), "")


class PlotTest(tf.test.TestCase):
    def test_every_row_is_drawn_with_lines_and_letters(self):
        rows = [*ROWS, make_row("elastic_level_0", 8, 1.1, 2.0, 0.25)]
        rows.append(make_row("selector", 8, 0.4, 2.0, 0.1))
        figure = draw_plot(rows, "wrn-8-1").figure()
        (axes,) = figure.axes
        drawn = {tuple(point) for line in axes.get_lines() for point in line.get_xydata()}
        for row in rows:
            self.assertIn((row.macs_share, row.ratio_to_dense), drawn)
        self.assertEqual([text.get_text() for text in axes.texts], ["R", "A"])
        lines = {line.get_label(): line for line in axes.get_lines()}
        self.assertAllClose(lines["batch size 1"].get_xydata(), [[0.25, 0.75], [1.0, 1.25]])
        markers = [lines[f"batch size {size}"].get_marker() for size in (1, 8)]
        self.assertNotEqual(*markers)
        ideal = lines["ideal: time as MACs"].get_xydata()
        self.assertAllEqual(ideal[:, 0], ideal[:, 1])
        self.assertIn("multiply-accumulates", axes.get_xlabel())
        self.assertIn("time", axes.get_ylabel())
        (legend,) = figure.legends
        self.assertIn("R random levels", legend.get_title().get_text())
