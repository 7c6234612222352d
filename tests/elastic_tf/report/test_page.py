"""Tests of the page."""

import base64
import io
import re

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.report.page import (
    agreement_rows,
    browser_data,
    data_uri,
    draw_figures,
    figure_sections,
    group_line,
    image_sheet,
    shared_rows,
    spread_over_cost,
)
from elastic_tf.report.routing import model_groups
from elastic_tf.report.style import inline_svg
from tests.elastic_tf.report.planted import MACS, planted_routing
from tests.elastic_tf.report.planted_analysis import planted_analysis

_TEXT = re.compile(r'<text style="([^"]*)"[^>]*>([^<]*)</text>')
_NUMBER_IN_A_CELL = re.compile(r"\d\.\d\d")


class FigureSectionsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.analysis = planted_analysis()
        cls.sections = {section["id"]: section for section in figure_sections(cls.analysis)}
        cls.svgs = [
            svg
            for section in cls.sections.values()
            for part in section["parts"]
            for svg in part["svgs"]
        ]

    def _texts(self, svg):
        """Returns the style and content of every text; none may be missed."""
        found = _TEXT.findall(svg)
        self.assertLen(found, svg.count("<text"))
        return found

    def test_all_text_has_the_colour_of_the_page(self):
        drawn = [inline_svg(figure, name) for name, figure in draw_figures(self.analysis).items()]
        for svg in self.svgs + drawn:
            shows_cells = "mean probability" in svg
            for style, content in self._texts(svg):
                if not (shows_cells and _NUMBER_IN_A_CELL.fullmatch(content)):
                    self.assertIn("fill: currentColor", style, content)

    def test_all_text_can_be_read(self):
        for svg in self.svgs:
            for style, content in self._texts(svg):
                size = float(re.search(r"([\d.]+)px", style)[1])  # Points, in the drawing's units.
                self.assertGreaterEqual(size, 8, content)

    def test_panels_are_drawings_of_their_own_no_wider_than_a_phone(self):
        for svg in self.svgs:
            width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
            self.assertLessEqual(96 / 72 * width, 358)  # Pixels; 390 with the page's margins.

    def test_every_task_has_its_panels(self):
        panels = {
            name: [len(part["svgs"]) for part in section["parts"]]
            for name, section in self.sections.items()
        }
        self.assertEqual(
            panels,
            {
                "tradeoff": [2],
                "training": [2],
                "models": [3],
                "levels": [3],
                "groups": [3] * (3 + 2),  # The second task uses two models only.
                "shared": [3] * 2,
            },
        )

    def test_the_stages_are_told_apart_without_saying_light_or_dark(self):
        text = self.sections["training"]["text"]
        self.assertIn("Strong shade: the selector trains", text)
        self.assertNotRegex(text.lower(), "dark|light|white")

    def test_it_is_said_how_the_images_are_taken(self):
        self.assertIn("as many as its share", self.sections["groups"]["text"])

    def test_print_has_all_figures(self):
        self.assertEqual(
            set(draw_figures(self.analysis)),
            {
                *("tradeoff", "training", "figure_3a_models", "figure_3b_levels"),
                *("figure_4_cats", "figure_4_dogs", "figure_4_shared"),
            },
        )


FULL_MACS = {"planted": 5000}


class ImageBrowserTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((2, 8), (100, 20))
    def test_every_class_has_its_images(self, per_class, total):
        routing = planted_routing()
        images = browser_data([routing], per_class, FULL_MACS)["planted"]["images"]
        self.assertLen(images, total)
        self.assertEqual({image["label"] for image in images}, {0, 1, 2, 3})

    def test_an_image_says_what_became_of_it(self):
        routing = planted_routing()
        data = browser_data([routing], 3, FULL_MACS)["planted"]
        self.assertEqual(data["classes"][2], "class 2")
        self.assertEqual(data["full_macs"], 5000)
        self.assertEqual((data["width"], data["height"]), (5, 6))
        for image in data["images"]:
            index, label = image["index"], image["label"]
            self.assertEqual(label, routing.routed.labels[index])
            self.assertEqual(image["answer"] == label, index % 2 == 0)
            self.assertAllClose(image["confidence"], 0.5 + index / 100)
            self.assertAllClose(image["macs"], MACS[label])
            self.assertEqual(image["model"], ["2-0", "1-1", "1-1", "0-2"][label])

    def test_the_cheapest_and_the_dearest_of_a_class_are_there(self):
        routing = planted_routing(per_class=(9, 0, 0, 0))
        routing.routed.macs_share[:] = [0.5, 0.1, 0.9, 0.4, 0.3, 0.2, 0.6, 0.7, 0.8]
        self.assertEqual(spread_over_cost(routing, 0, 3), [1, 0, 2])


class ImageSheetTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_picture_is_at_its_place(self):
        pictures = [np.full((2, 3, 1), number, np.uint8) for number in (1, 2, 3)]
        sheet = image_sheet(pictures, columns=2)
        expected = [[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 0, 0, 0]] * 2
        self.assertAllEqual(sheet[..., 0], expected)

    @parameterized.parameters(1, 3)
    def test_the_address_holds_the_very_pixels(self, channels):
        image = np.random.default_rng(0).integers(0, 256, (4, 6, channels), np.uint8)
        kind, content = data_uri(image).split(",")
        self.assertEqual(kind, "data:image/png;base64")
        found = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        self.assertAllEqual(found.reshape(image.shape), image)


class ReportContentTest(tf.test.TestCase):
    def test_a_line_says_what_the_images_of_a_model_have_in_common(self):
        routing = planted_routing()
        groups = model_groups([routing], 2)["planted"]
        lines = [group_line(group, routing.class_names) for group in groups]
        self.assertEqual(
            lines[1], "Model 2-0. class 0: 100 % of its images, 4.0 times the task's share."
        )
        self.assertStartsWith(lines[0], "Model 1-1. class 1: 67 % of its images, 1.7 times")
        self.assertIn("; class 2: 33 % of its images, 1.7 times", lines[0])

    def test_shared_models_have_a_share_of_every_task(self):
        routings = [
            planted_routing("a", per_class=(10, 3, 3, 4)),
            planted_routing("b", per_class=(0, 0, 0, 2)),
        ]
        self.assertEqual(shared_rows(routings, 5), [{"model": "0-2", "shares": [20.0, 100.0]}])
        self.assertEqual(shared_rows(routings[:1], 5), [])

    def test_agreement_is_in_percent(self):
        of = {"overlap": 0.25, "level_overlap": [0.5, 1.0], "divergence": 0.1, "shared_models": 3}
        (row,) = agreement_rows({("a", "b"): of})
        self.assertEqual(row["tasks"], "a and b")
        self.assertAllClose([row["overlap"], row["level_overlap"]], [25, 75])


if __name__ == "__main__":
    tf.test.main()
