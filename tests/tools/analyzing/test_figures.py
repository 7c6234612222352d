import io
import os
import re
import tempfile

import numpy as np
import tensorflow as tf
from PIL import Image

from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR, StageSchedule
from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.curves_figure import draw_curves, stage_spans
from tools.analyzing.figure import inline_svg, new_figure, save_png
from tools.analyzing.group_figure import group_row
from tools.analyzing.histogram_figure import draw_histogram
from tools.analyzing.level_figure import draw_levels
from tools.analyzing.model_groups import model_groups
from tools.analyzing.panel_rows import draw_rows
from tools.analyzing.tradeoff_figure import draw_tradeoff

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
            "accuracy": {"selector": 0.8, "shuffled": 0.79, "level_1": 0.8, "best_static": 0.6},
            "macs_share": 0.5,
            "fixed_macs_share": {"level_1": 1.0},
            "best_static": {"macs_share": 0.4},
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


if __name__ == "__main__":
    tf.test.main()
