import pathlib

import tensorflow as tf
from elastic_tf_tools.benchmarking.plot import draw_plot, write_plot

from tests.tools.benchmarking.small_subjects import make_row

ROWS = [
    make_row("dense", 1, [2.0], [2.0], 1.0),
    make_row("plain_level_0", 1, [1.0], [2.0], 0.25),
    make_row("elastic_level_1", 1, [2.2], [2.0], 1.0),
    make_row("elastic_level_0", 1, [1.2], [2.0], 0.25),
    make_row("elastic_random", 1, [1.8], [2.0], 0.7),
    make_row("elastic_level_0", 8, [1.1], [2.0], 0.25),
    make_row("selector", 8, [0.4], [2.0], 0.1),
]


class PlotTest(tf.test.TestCase):
    def test_levels_are_a_line_of_ratio_over_share(self):
        (axes,) = draw_plot(ROWS, "title").axes
        lines = {line.get_label(): line for line in axes.get_lines()}
        self.assertAllClose(lines["batch size 1"].get_xydata(), [[0.25, 0.6], [1.0, 1.1]])
        self.assertAllClose(lines["batch size 8"].get_xydata(), [[0.25, 0.55]])
        ideal = lines["ideal: time as MACs"].get_xydata()
        self.assertAllEqual(ideal[:, 0], ideal[:, 1])

    def test_every_row_is_drawn(self):
        (axes,) = draw_plot(ROWS, "title").axes
        drawn = {tuple(point) for line in axes.get_lines() for point in line.get_xydata()}
        for row in ROWS:
            self.assertIn((row.macs_share, row.ratio_to_dense), drawn)
        self.assertEqual([text.get_text() for text in axes.texts], ["R", "A"])

    def test_batch_sizes_have_markers_of_their_own(self):
        (axes,) = draw_plot(ROWS, "title").axes
        markers = {line.get_label(): line.get_marker() for line in axes.get_lines()}
        self.assertNotEqual(markers["batch size 1"], markers["batch size 8"])

    def test_axes_are_named_and_the_legend_is_there(self):
        figure = draw_plot(ROWS, "wrn-8-1")
        (axes,) = figure.axes
        self.assertIn("multiply-accumulates", axes.get_xlabel())
        self.assertIn("time", axes.get_ylabel())
        self.assertEqual(axes.get_title(), "wrn-8-1")
        (legend,) = figure.legends
        self.assertIn("R random levels", legend.get_title().get_text())

    def test_the_file_is_a_png_and_nothing_else_is_left(self):
        folder = pathlib.Path(self.get_temp_dir())
        write_plot(folder / "plot.png", ROWS, "title")
        self.assertEqual([path.name for path in folder.iterdir()], ["plot.png"])
        shape = tf.io.decode_png((folder / "plot.png").read_bytes()).shape
        self.assertAllGreater(shape[:2], 900)


if __name__ == "__main__":
    tf.test.main()
