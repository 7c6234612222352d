"""Tests of figures."""

import io
import os
import re
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.report.choice_figures import (
    draw_curves,
    draw_histogram,
    draw_levels,
    draw_tradeoff,
    stage_spans,
)
from elastic_tf.report.group_figures import (
    COLUMNS,
    ROWS,
    draw_classes,
    draw_images,
    draw_model,
    example_images,
    grid_pixels,
    group_row,
    shared_row,
    shrunk,
)
from elastic_tf.report.routing import model_groups, shared_groups
from elastic_tf.report.style import (
    bare_figure,
    draw_panels,
    draw_rows,
    inline_svg,
    new_figure,
    save_png,
)
from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR, StageSchedule
from tests.elastic_tf.report.planted import planted_routing

STAGES = StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=3)
RATIOS = np.array([[0.0, 0.5, 1.0]] * 2)


class FiguresTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.routing = planted_routing()

    def test_the_histogram_shows_every_model(self):
        (axes,) = draw_histogram({"planted": self.routing.chosen}).axes
        heights = axes.patches[0].get_data().values
        self.assertAllClose(heights, [60, 25, 15])
        self.assertIn("3 models for 20 images", axes.texts[0].get_text())

    def test_levels_are_shown_as_they_are(self):
        means = self.routing.routed.level_probabilities.mean(axis=0)
        axes = draw_levels({"planted": means}).axes[0]
        self.assertAllClose(axes.images[0].get_array(), means.T)
        self.assertEqual(axes.texts[0].get_text(), f"{means[0, 0]:.2f}")

    def test_stages_follow_each_other(self):
        expected = [(INITIAL, 0, 4), (SELECTOR, 4, 6), (ESTIMATOR, 6, 9), (SELECTOR, 9, 11)]
        self.assertEqual(stage_spans(STAGES), expected)
        self.assertEqual(stage_spans(StageSchedule(4, rounds=0)), [(INITIAL, 0, 4)])

    def test_the_selectors_curve_begins_when_it_has_been_trained(self):
        points = [(2, 0.1), (4, 0.2), (8, 0.3)]
        curves = {f"a_{name}": points for name in ("full_accuracy", "accuracy", "macs_share")}
        (axes,) = draw_curves(curves, ["a"], STAGES).axes
        full, selector, _ = axes.get_lines()
        self.assertAllClose(full.get_xydata(), [(2, 10), (4, 20), (8, 30)])
        self.assertAllClose(selector.get_xydata(), [(8, 30)])

    def test_the_trade_off_has_every_choice(self):
        results = {
            "accuracy": {"selector": 0.8, "shuffled": 0.7, "level_0": 0.1, "level_1": 0.85},
            "macs_share": 0.5,
            "fixed_macs_share": {"level_0": 0.05, "level_1": 1.0},
        }
        curve = {"budgets": [{"macs_share": 0.4, "accuracy": 0.75}]}
        (axes,) = draw_tradeoff({"a": results}, {"a": curve}).axes
        found = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
        self.assertAllClose(found["selector"], [[50, 80]])
        self.assertAllClose(found["selector at budgets"], [[40, 75]])
        self.assertGreater(axes.get_ylim()[0], 50)  # Level 0 does not press the rest together.

    def test_every_choice_is_within_the_panel(self):
        results = {
            "accuracy": {"selector": 0.8, "shuffled": 0.79, "level_1": 0.8, "best_fixed": 0.6},
            "macs_share": 0.5,
            "fixed_macs_share": {"level_1": 1.0},
            "best_fixed": {"macs_share": 0.4},
        }
        curve = {"budgets": [{"macs_share": 0.9, "accuracy": 0.9}]}
        low, high = draw_tradeoff({"a": results}, {"a": curve}).axes[0].get_ylim()
        self.assertBetween(low, 50, 60)
        self.assertBetween(high, 90, 100)

    def test_in_a_page_text_takes_its_colour(self):
        svg = inline_svg(draw_levels({"a & b": np.eye(2)}), 'levels of "a & b"')
        self.assertStartsWith(svg, '<svg role="img" aria-label="levels of &quot;a &amp; b&quot;"')
        self.assertIn("currentColor", svg)
        self.assertNotIn("#010203", svg)

    def test_figures_in_one_page_do_not_share_ids(self):
        figure = draw_histogram({"planted": self.routing.chosen})
        pages = [inline_svg(figure, label) for label in "ab"]
        first, second = (set(re.findall(r' id="([^"]+)"', page)) for page in pages)
        self.assertNotEmpty(first)
        self.assertEmpty(first & second)

    def test_ids_that_are_referred_to_are_there(self):
        groups = model_groups([self.routing], 2)["planted"]
        rows = [group_row(self.routing, group, RATIOS) for group in groups]
        svg = inline_svg(draw_rows(rows), "groups")
        named = set(re.findall(r' id="([^"]+)"', svg))
        used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
        self.assertNotEmpty(used)
        self.assertContainsSubset({a or b for a, b in used}, named)

    def test_print_is_on_white(self):
        path = os.path.join(self.enter_context(tempfile.TemporaryDirectory()), "figure.png")
        save_png(new_figure(1, 2.0)[0], path)
        with open(path, "rb") as file:
            image = Image.open(io.BytesIO(file.read())).convert("RGB")
        self.assertEqual(image.getpixel((0, 0)), (255, 255, 255))
        self.assertGreater(min(image.size), 300)


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


# 70 images of class 0, 20 of class 1, 9 of class 2 and one of class 3, in no order.
LABELS = np.random.default_rng(1).permutation(np.repeat([0, 1, 2, 3], [70, 20, 9, 1]))


class ExampleImagesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (10, [7, 2, 1, 0]),
        (24, [17, 5, 2, 0]),  # Of 16.8, 4.8, 2.16 and 0.24.
        (2, [1, 1, 0, 0]),  # Of 1.4, 0.4, 0.18 and 0.02.
        (100, [70, 20, 9, 1]),
        (500, [70, 20, 9, 1]),
    )
    def test_every_class_has_its_share(self, count, expected):
        found = example_images(LABELS, np.arange(100), count)
        self.assertLen(set(found), sum(expected))
        self.assertAllEqual(np.bincount(LABELS[found], minlength=4), expected)

    def test_they_are_of_the_group(self):
        group = np.flatnonzero(LABELS != 1)[::2]
        found = example_images(LABELS, group, 12)
        self.assertLen(found, 12)
        self.assertContainsSubset(found, group.tolist())

    def test_the_most_frequent_class_comes_first(self):
        labels = LABELS[example_images(3 - LABELS, np.arange(100), 24)]
        self.assertAllEqual(labels, sorted(labels))

    def test_a_class_is_sampled_from_everywhere_in_it(self):
        found = np.array(example_images(np.zeros(1000, int), np.arange(1000), 24))
        self.assertBetween(found.mean(), 350, 650)
        self.assertGreater(len(set(np.diff(found))), 5)

    def test_they_are_the_same_at_every_call(self):
        first, second = (example_images(LABELS, np.arange(100), 24) for _ in range(2))
        self.assertEqual(first, second)


RATIOS_GROUP_FIGURE = np.array([[0.0, 0.5, 1.0]] * 2)


class GroupFigureTest(tf.test.TestCase):
    def test_a_row_for_each_model_with_what_it_is(self):
        routing = planted_routing()
        groups = model_groups([routing], 2)["planted"]
        figure = draw_rows([group_row(routing, group, RATIOS_GROUP_FIGURE) for group in groups])
        titles = [axes.get_title() for axes in figure.axes]
        self.assertLen(titles, 2 * 3)
        self.assertEqual(titles[0], "1-1\n60.0 % of the images, 40 % of the MACs")
        self.assertEqual(titles[3], "2-0\n25.0 % of the images, 50 % of the MACs")
        right = np.mean(groups[0].images % 2 == 0)
        self.assertEqual(titles[1], f"12 of 12 images, {100 * right:.1f} % right")

    def test_a_model_that_another_task_uses_much_says_so(self):
        routings = [planted_routing("a"), planted_routing("b", per_class=(0, 6, 1, 9))]
        group = model_groups(routings, 2)["a"][0]
        title = (
            draw_panels(group_row(routings[0], group, RATIOS_GROUP_FIGURE))[1].axes[0].get_title()
        )
        self.assertEndsWith(title, " right\nmuch used for b too")

    def test_a_shared_model_is_drawn_with_images_of_every_task_on_it(self):
        routings = [
            planted_routing("a", per_class=(10, 3, 3, 4)),
            planted_routing("b", per_class=(0, 5, 5, 0)),
            planted_routing("c", per_class=(5, 0, 0, 5)),
        ]
        rows = [
            shared_row(model, RATIOS_GROUP_FIGURE, routings) for model in shared_groups(routings, 3)
        ]
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
