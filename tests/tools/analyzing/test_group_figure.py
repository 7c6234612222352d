import numpy as np
import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.group_figure import group_row, shared_row
from tools.analyzing.model_groups import model_groups
from tools.analyzing.panel_rows import draw_panels, draw_rows
from tools.analyzing.shared_models import shared_groups

RATIOS = np.array([[0.0, 0.5, 1.0]] * 2)


class GroupFigureTest(tf.test.TestCase):
    def test_a_row_for_each_model_with_what_it_is(self):
        routing = planted_routing()
        groups = model_groups([routing], 2)["planted"]
        figure = draw_rows([group_row(routing, group, RATIOS) for group in groups])
        titles = [axes.get_title() for axes in figure.axes]
        self.assertLen(titles, 2 * 3)
        self.assertEqual(titles[0], "1-1\n60.0 % of the images, 40 % of the MACs")
        self.assertEqual(titles[3], "2-0\n25.0 % of the images, 50 % of the MACs")
        right = np.mean(groups[0].images % 2 == 0)
        self.assertEqual(titles[1], f"12 of 12 images, {100 * right:.1f} % right")

    def test_a_model_that_another_task_uses_much_says_so(self):
        routings = [planted_routing("a"), planted_routing("b", per_class=(0, 6, 1, 9))]
        group = model_groups(routings, 2)["a"][0]
        title = draw_panels(group_row(routings[0], group, RATIOS))[1].axes[0].get_title()
        self.assertEndsWith(title, " right\nmuch used for b too")

    def test_a_shared_model_is_drawn_with_images_of_every_task_on_it(self):
        routings = [
            planted_routing("a", per_class=(10, 3, 3, 4)),
            planted_routing("b", per_class=(0, 5, 5, 0)),
            planted_routing("c", per_class=(5, 0, 0, 5)),
        ]
        rows = [shared_row(model, RATIOS, routings) for model in shared_groups(routings, 3)]
        self.assertEqual(
            [
                [axes.get_title().split(" of its")[0] for axes in draw_rows([row]).axes]
                for row in rows
            ],
            [
                ["2-0", "a: 50.0 %", "c: 50.0 %"],
                ["1-1", "a: 30.0 %", "b: 100.0 %"],
                ["0-2", "a: 20.0 %", "c: 50.0 %"],
            ],
        )
        self.assertEqual([draw is None for draw in rows[0]], [False, False, True, False])
        self.assertLen(draw_panels(rows[0]), 3)


if __name__ == "__main__":
    tf.test.main()
