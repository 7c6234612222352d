import tensorflow as tf
from elastic_tf_tools.searching.models_plot import draw_models

from tests.tools.searching.test_models_table import FOUND


class ModelsPlotTest(tf.test.TestCase):
    def test_points_front_and_selector_are_in_per_cent(self):
        (axes,) = draw_models(FOUND).axes
        tried, front, selector = (line.get_xydata() for line in axes.get_lines())
        self.assertAllClose(tried, [[50, 75], [25, 50]])
        self.assertAllClose(front, [[25, 50], [50, 75]])
        self.assertAllClose(selector, [[37.5, 80]])
        self.assertIn("%", axes.get_xlabel())
        self.assertIn("%", axes.get_ylabel())


if __name__ == "__main__":
    tf.test.main()
