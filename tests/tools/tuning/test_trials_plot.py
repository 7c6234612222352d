import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.tuning.trials_plot import draw_trials, write_trials_plot

from elastic_tf.tuning.objectives import Objective
from tests.tools.tuning.outcome import completed

OUTCOMES = [completed("0", 0.75, 0.5), completed("1", 0.5, 0.25), completed("2", 0.6, 0.7)]


class TrialsPlotTest(tf.test.TestCase, parameterized.TestCase):
    def _lines(self, outcomes, objective):
        (axes,) = draw_trials(outcomes, objective).axes
        return {line.get_label(): line for line in axes.get_lines()}, axes

    def test_points_are_in_per_cent(self):
        lines, axes = self._lines(OUTCOMES, Objective("accuracy", 0.4))
        self.assertAllClose(lines["trials"].get_xydata(), [[70, 60]])
        self.assertAllClose(lines["front: no trial is better"].get_xydata(), [[25, 50], [50, 75]])
        self.assertAllClose(lines["best score"].get_xydata(), [[50, 75]])
        self.assertAllClose(lines["limit"].get_xdata(), [40, 40])
        self.assertIn("%", axes.get_xlabel())
        self.assertIn("%", axes.get_ylabel())

    def test_without_a_limit_there_is_no_line_of_it(self):
        lines, _ = self._lines(OUTCOMES, Objective("hypervolume"))
        self.assertNotIn("limit", lines)

    def test_a_single_part_of_a_training_can_be_drawn(self):
        part = completed("0", is_whole_training=False)
        lines, _ = self._lines([part], Objective("hypervolume"))
        self.assertEqual(set(lines), {"trials", "best score"})

    def test_it_is_written(self):
        path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "front.png"
        write_trials_plot(path, OUTCOMES, Objective("accuracy", 0.4))
        self.assertEqual(path.read_bytes()[:4], b"\x89PNG")


if __name__ == "__main__":
    tf.test.main()
