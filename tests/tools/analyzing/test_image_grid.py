import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.figure import bare_figure
from tools.analyzing.image_grid import COLUMNS, ROWS, draw_images, grid_pixels, shrunk
from tools.analyzing.model_groups import model_groups


class ImageGridTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3)
    def test_pictures_are_in_their_places_with_gaps_that_show_nothing(self, channels):
        pictures = [np.full((20, 30, channels), number, np.uint8) for number in range(1, 9)]
        pixels = grid_pixels(pictures)
        # The gap is a tenth of the longer side.
        self.assertEqual(pixels.shape, (ROWS * 23 - 3, COLUMNS * 33 - 3, 4))
        self.assertAllEqual(pixels[::23, ::33, 0][:2], [[1, 2, 3, 4, 5, 6], [7, 8, 0, 0, 0, 0]])
        self.assertAllEqual(pixels[23, 33], [8, 8, 8, 255])
        self.assertAllEqual(pixels[23 + 19, 33 + 29], [8, 8, 8, 255])
        self.assertEqual(pixels[..., 3].sum(), 255 * 8 * 20 * 30)

    @parameterized.parameters((64, 64, (64, 64)), (65, 40, (32, 20)), (96, 130, (32, 43)))
    def test_large_pictures_are_shrunk(self, height, width, expected):
        picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        found = shrunk(picture)
        self.assertEqual(found.shape, (*expected, 3))
        factor = height // expected[0]
        corner = picture[:factor, factor : 2 * factor].astype(float).mean(axis=(0, 1))
        self.assertAllClose(found[0, 1], corner, atol=0.5)

    def test_a_groups_images_are_those_on_it(self):
        routing = planted_routing()
        (group,) = model_groups([routing], 1)["planted"]
        axes = bare_figure(3, 3).subplots()
        draw_images(axes, routing, group, "title")
        pixels = np.asarray(axes.images[0].get_array())
        # Image number i is filled with i.
        shown = set(pixels[pixels[..., 3] > 0][:, 0].tolist())
        self.assertEqual(shown, set(group.images.tolist()))


if __name__ == "__main__":
    tf.test.main()
