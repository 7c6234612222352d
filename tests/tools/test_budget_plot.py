import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.budget_plot import draw_budget_plot, write_budget_plot

from tests.tools.small_curves import CURVES


class BudgetPlotTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.figure = draw_budget_plot(CURVES, "title")
        self.digits = self.figure.axes[0]

    def _line(self, start):
        (line,) = [x for x in self.digits.get_lines() if x.get_label().startswith(start)]
        return line.get_xydata()

    def test_budgets_are_a_line_of_accuracy_over_macs_in_percent(self):
        self.assertAllClose(self._line("at a budget"), [[10, 70], [39, 85], [80.5, 95]])

    def test_the_selector_and_the_levels_are_beside_it(self):
        self.assertAllClose(self._line("the selector"), [[45, 90]])
        self.assertAllClose(self._line("levels 0 to 2"), [[2, 10], [30, 87.5], [100, 96.5]])

    def test_every_task_has_a_panel(self):
        titles = [axes.get_title() for axes in self.figure.axes]
        self.assertEqual(titles, ["digits", "clothes"])

    @parameterized.parameters((1, 1), (3, 3), (4, 4), (7, 7))
    def test_panels_without_a_task_are_left_out(self, tasks, panels):
        curves = {f"task{k}": CURVES["digits"] for k in range(tasks)}
        self.assertLen(draw_budget_plot(curves, "title").axes, panels)

    def test_a_level_cheaper_than_all_budgets_does_not_stretch_the_axis(self):
        low, high = self.digits.get_ylim()
        self.assertBetween(low, 60, 70)
        self.assertBetween(high, 96.5, 100)

    def test_axes_are_named_and_the_legend_is_there(self):
        self.assertIn("% of the full model's", self.digits.get_xlabel())
        self.assertEqual(self.digits.get_ylabel(), "accuracy, %")
        (legend,) = self.figure.legends
        self.assertLen(legend.get_texts(), 3)

    def test_the_file_is_a_png_and_nothing_else_is_left(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_budget_plot(folder / "plot.png", CURVES, "title")
        self.assertEqual([path.name for path in folder.iterdir()], ["plot.png"])
        shape = tf.io.decode_png((folder / "plot.png").read_bytes()).shape
        self.assertAllGreater(shape[:2], 700)


if __name__ == "__main__":
    tf.test.main()
