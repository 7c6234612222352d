import numpy as np
import tensorflow as tf

from tools.analyzing.figure import bare_figure
from tools.analyzing.model_diagram import draw_model


class ModelDiagramTest(tf.test.TestCase):
    def _draw(self, levels, ratios):
        axes = bare_figure(3, 3).subplots()
        draw_model(axes, levels, np.array(ratios), "title")
        return axes

    def test_a_model_fills_the_channels_that_it_uses(self):
        axes = self._draw((2, 0), [[0.0, 0.5, 1.0]] * 2)
        filled = [(p.get_x(), p.get_y()) for p in axes.patches if p.get_facecolor()[3]]
        # Both halves of block 1, nothing of block 2.
        self.assertAllClose(filled, [(0.6, 0.0), (0.6, 0.5)])
        self.assertLen(axes.patches, 4)

    def test_every_block_is_named_where_there_is_room(self):
        for blocks, ticks in ((10, range(1, 11)), (15, range(1, 16, 2))):
            axes = self._draw((0,) * blocks, [[0.5, 1.0]] * blocks)
            self.assertAllEqual(axes.get_xticks(), list(ticks))


if __name__ == "__main__":
    tf.test.main()
