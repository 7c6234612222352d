"""Tests of the figure of accuracy over measured time."""

import tensorflow as tf

from elastic_tf.report.time_figures import draw_times
from tests.elastic_tf.report.planted import TIMED


class TimesTest(tf.test.TestCase):
    def test_every_kind_is_a_series_of_its_best(self):
        figure = draw_times({"clothes": TIMED}, "wrn").figure()
        self.assertEqual(figure.get_suptitle(), "wrn")
        single, in_batch = figure.axes
        self.assertEqual(single.get_title(), "clothes, batch size 1")
        lines = {line.get_label(): line.get_xydata().tolist() for line in single.get_lines()}
        drawn = sum((points for name, points in lines.items() if name[0] == "_"), [])
        expected = {
            "fixed models, onnx": [[1, 80], [2, 87.5]],  # A model is slower and worse than one.
            "second look, onnx": [[1.25, 85]],
            "other networks, onnx": [[0.5, 70]],
        }
        self.assertAllClose({name: lines[name] for name in expected}, expected)
        self.assertLen(lines, 6)
        self.assertIn([0.5, 70.0], drawn)
        (narrow,) = (line for line in in_batch.get_lines() if "other" in line.get_label())
        self.assertAllClose(narrow.get_xydata(), [[0.25, 70]])
        self.assertIn("per image, ms", single.get_xlabel())

    def test_what_guesses_does_not_stretch_the_axis(self):
        rows = [*TIMED, TIMED[0] | {"accuracy": 0.1}]
        low, _ = draw_times({"clothes": rows}).figure().axes[0].get_ylim()
        self.assertAllClose(low, 87.5 - 15)
