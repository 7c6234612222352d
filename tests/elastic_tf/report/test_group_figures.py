"""Tests of figure 4."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.report.group_figures import (
    draw_group,
    draw_shared_group,
    example_images,
    picture_grid,
)
from elastic_tf.report.style import below_each_other
from tests.elastic_tf.report.planted import RATIOS, planted_analysis, planted_routing, two_tasks

# 70 images of class 0, 20 of class 1, 9 of class 2 and one of class 3, in no order.
LABELS = np.random.default_rng(1).permutation(np.repeat([0, 1, 2, 3], [70, 20, 9, 1]))


class ExampleImagesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (10, [7, 2, 1, 0]),
        (24, [17, 5, 2, 0]),  # Of 16.8, 4.8, 2.16 and 0.24.
        (2, [1, 1, 0, 0]),  # Of 1.4, 0.4, 0.18 and 0.02.
        (500, [70, 20, 9, 1]),
    )
    def test_every_class_has_its_share(self, count, expected):
        found = example_images(LABELS, np.arange(100), count)
        self.assertLen(set(found), sum(expected))
        self.assertAllEqual(np.bincount(LABELS[found], minlength=4), expected)
        # The most frequent first; the same at every call.
        self.assertAllEqual(LABELS[found], sorted(LABELS[found]))
        self.assertEqual(found, example_images(LABELS, np.arange(100), count))

    def test_they_are_of_the_group(self):
        group = np.flatnonzero(LABELS != 1)[::2]
        found = example_images(LABELS, group, 12)
        self.assertLen(found, 12)
        self.assertContainsSubset(found, group.tolist())

    def test_a_class_is_sampled_from_everywhere_in_it(self):
        found = np.array(example_images(np.zeros(1000, int), np.arange(1000), 24))
        self.assertBetween(found.mean(), 350, 650)
        self.assertGreater(len(set(np.diff(found))), 5)


class GroupFigureTest(tf.test.TestCase, parameterized.TestCase):
    def _drawings(self, **looks):
        routing = planted_routing(**looks)
        self.groups = planted_analysis(routing, top=2).groups["planted"]
        return [draw_group(routing, group, RATIOS) for group in self.groups]

    def test_a_row_for_each_model_with_what_it_is(self):
        axes = below_each_other(self._drawings()).figure().axes
        titles = [each.get_title() for each in axes]
        right = np.mean(self.groups[0].images % 2 == 0)
        self.assertLen(titles, 2 * 3)
        self.assertEqual(titles[0], "1-1\n60.0 % of the images, 40 % of the MACs")
        self.assertEqual(titles[1], f"12 of 12 images, {100 * right:.1f} % right")
        self.assertEqual(titles[3], "2-0\n25.0 % of the images, 50 % of the MACs")

    def test_a_title_stands_before_the_model(self):
        routing = planted_routing()
        drawing = draw_group(routing, routing.seen_groups["seen twice"], RATIOS, "seen twice")
        title = drawing.figure().axes[0].get_title()
        self.assertEqual(title, "seen twice\n35.0 % of the images, 75 % of the MACs")
        self.assertStartsWith(drawing.caption, "Seen twice, model 2-1. ")

    def test_classes_are_the_groups_beside_the_tasks(self):
        axes = self._drawings()[0].figure().axes[2]
        names = [label.get_text() for label in axes.get_yticklabels()]
        self.assertEqual(names, ["class 1", "class 2", "class 0", "class 3"])
        self.assertAllClose([bar.get_width() for bar in axes.patches], [200 / 3, 100 / 3, 0, 0])
        self.assertAllClose(axes.get_lines()[0].get_xdata(), [40, 20, 25, 15])

    def test_a_model_fills_the_channels_that_it_uses(self):
        bars = self._drawings()[1].figure().axes[0].patches
        filled = [bar.get_xy() for bar in bars if bar.get_facecolor()[3]]
        # Model 2-0: both halves of block 1, nothing of block 2.
        self.assertAllClose(filled, [(0.6, 0.0), (0.6, 0.5)])
        self.assertLen(bars, 4)

    def test_it_is_said_what_the_images_have_in_common(self):
        captions = [drawing.caption for drawing in self._drawings()]
        expected = [
            "Model 1-1. class 1: 67 % of its images, 1.7 times the task's share; "
            "class 2: 33 % of its images, 1.7 times the task's share.",
            "Model 2-0. class 0: 100 % of its images, 4.0 times the task's share.",
        ]
        self.assertEqual(captions, expected)

    @parameterized.parameters({"channels": 1}, {"channels": 3}, {"size": (130, 96)})
    def test_a_groups_images_are_those_on_it_no_larger_than_can_be_seen(self, **looks):
        axes = self._drawings(**looks)[0].figure().axes[1]
        pixels = np.asarray(axes.images[0].get_array())
        # Image number i is filled with i.
        shown = set(pixels[pixels[..., 3] > 0][:, 0].tolist())
        self.assertEqual(shown, set(self.groups[0].images.tolist()))
        self.assertLess(max(pixels.shape), 6 * 72)

    def test_a_model_that_another_task_uses_much_says_so(self):
        analysis = two_tasks()
        drawing = draw_group(analysis.routings[0], analysis.groups["cats"][0], RATIOS)
        self.assertEndsWith(drawing.figure().axes[1].get_title(), " right\nmuch used for dogs too")

    def test_a_shared_model_is_drawn_with_images_of_every_task_on_it(self):
        routings = [
            planted_routing("a", per_class=(10, 3, 3, 4)),
            planted_routing("b", per_class=(0, 5, 5, 0)),
            planted_routing("c", per_class=(5, 0, 0, 5)),
        ]
        models = planted_analysis(*routings).shared_groups
        drawings = [draw_shared_group(model, RATIOS, routings) for model in models]
        titles = [
            [axes.get_title().split(" of its")[0] for axes in drawing.figure().axes]
            for drawing in drawings
        ]
        expected = [
            ["2-0", "a: 50.0 %", "c: 50.0 %"],
            ["1-1", "a: 30.0 %", "b: 100.0 %"],
            ["0-2", "a: 20.0 %", "c: 50.0 %"],
        ]
        self.assertEqual(titles, expected)
        self.assertLen(drawings[0].svgs(), 3)
        axes = below_each_other(drawings).figure().axes
        self.assertEqual([each.get_title() for each in axes][3], "1-1")  # In a row of its own.
        self.assertLess(axes[3].get_subplotspec().colspan.start, 1)


class PictureGridTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters("L", "RGB")
    def test_pictures_are_in_their_places_with_gaps_that_show_nothing(self, mode):
        pictures = [Image.new("L", (30, 20), number).convert(mode) for number in range(1, 9)]
        pixels = np.asarray(picture_grid(pictures, columns=6, gap=3, rows=4))
        self.assertEqual(pixels.shape, (4 * 23 - 3, 6 * 33 - 3, 4))
        self.assertAllEqual(pixels[::23, ::33, 0][:2], [[1, 2, 3, 4, 5, 6], [7, 8, 0, 0, 0, 0]])
        self.assertAllEqual(pixels[23, 33], [8, 8, 8, 255])
        self.assertAllEqual(pixels[23 + 19, 33 + 29], [8, 8, 8, 255])
        self.assertEqual(pixels[..., 3].sum(dtype=int), 255 * 8 * 20 * 30)
