import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.class_bars import draw_classes
from tools.analyzing.figure import bare_figure
from tools.analyzing.model_groups import model_groups


class ClassBarsTest(tf.test.TestCase):
    def test_classes_stand_against_their_share_in_the_task(self):
        # 8 and 4 of the 12 images on the model; of 20 in all.
        routing = planted_routing(per_class=(5, 8, 4, 3))
        (group,) = model_groups([routing], 1)["planted"]
        axes = bare_figure(3, 3).subplots()
        draw_classes(axes, group, routing.class_names)
        names = [label.get_text() for label in axes.get_yticklabels()]
        self.assertEqual(names, ["class 1", "class 2", "class 0", "class 3"])
        self.assertAllClose([bar.get_width() for bar in axes.patches], [200 / 3, 100 / 3, 0, 0])
        self.assertAllClose(axes.get_lines()[0].get_xdata(), [40, 20, 25, 15])


if __name__ == "__main__":
    tf.test.main()
