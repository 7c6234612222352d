"""Tests of drawings as the page shows them, and of the page."""

import base64
import collections
import dataclasses
import io
import pathlib
import re
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from elastic_tf.report.page import browser_data, draw_figures, write_report
from elastic_tf.report.style import Drawing, below_each_other
from tests.elastic_tf.report.planted import MACS, planted_analysis, planted_routing, two_tasks

_TEXT = re.compile(r'<text style="([^"]*)"[^>]*>([^<]*)</text>')
_IN_A_CELL = re.compile(r"\d\.\d\d|\d+|·")


class DrawingsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.figures = draw_figures(two_tasks())
        cls.svgs = {
            name: [svg for drawing in drawings for svg in drawing.svgs()]
            for name, drawings in cls.figures.items()
        }
        cls.all_svgs = [svg for svgs in cls.svgs.values() for svg in svgs]

    def _texts(self, svg):
        """Returns the style and content of every text; none may be missed."""
        found = _TEXT.findall(svg)
        self.assertLen(found, svg.count("<text"))
        return found

    def test_all_text_has_the_colour_of_the_page(self):
        for svg in self.all_svgs:
            self.assertNotIn("#010203", svg)
            shows_cells = "mean probability" in svg or "answers to each class" in svg
            for style, content in self._texts(svg):
                if not (shows_cells and _IN_A_CELL.fullmatch(content)):
                    self.assertIn("fill: currentColor", style, content)

    def test_all_text_can_be_read(self):
        for svg in self.all_svgs:
            for style, content in self._texts(svg):
                size = float(re.search(r"([\d.]+)px", style)[1])  # Points, in the drawing's units.
                self.assertGreaterEqual(size, 8, content)

    def test_panels_are_drawings_of_their_own_no_wider_than_a_phone(self):
        for svg in self.all_svgs:
            width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
            self.assertLessEqual(96 / 72 * width, 358)  # Pixels; 390 with the page's margins.

    def test_every_task_has_its_panels(self):
        self.assertEqual(
            {name: len(svgs) for name, svgs in self.svgs.items()},
            {
                "tradeoff": 2,
                "time": 2 * 2,
                "training": 2,
                "figure_3a_models": 3,
                "figure_3b_levels": 3,
                "figure_4_cats": 3 * 3,
                "figure_4_dogs": 3 * 2,  # It uses two models only.
                "figure_4_shared": 3 * 2,
                "confusion_cats": 2,
                "confusion_dogs": 2,
                "second_look_cats": 3 * 2,
                "second_look_dogs": 3 * 2,
            },
        )

    def test_in_print_they_are_together(self):
        for name, size in {
            "figure_4_cats": [3 * 3.3, 3 * 2.5],
            "figure_3a_models": [2 * 3.5, 2 * 2.7],
        }.items():
            figure = below_each_other(self.figures[name]).figure()
            self.assertAllClose(figure.get_size_inches(), size)

    def test_ids_that_are_referred_to_are_there_and_in_no_other(self):
        seen = set()
        for svg in self.all_svgs:
            ids = re.findall(r' id="([^"]+)"', svg)
            used = re.findall(r'(?:url\(|href=")#([^")]+)', svg)
            self.assertContainsSubset(used, ids)
            self.assertEmpty(seen & set(ids))
            seen |= set(ids)

    def test_it_is_said_what_they_show(self):
        drawing = Drawing('levels of "a & b"', {"c": lambda axes: axes.plot([1, 2])})
        expected = '<svg role="img" aria-label="levels of &quot;a &amp; b&quot;: c"'
        self.assertStartsWith(drawing.svgs()[0], expected)


@pytest.mark.slow
class PageTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "report"

    def test_it_has_everything_and_needs_nothing_but_itself(self):
        paths = write_report(two_tasks(), self.folder, {"--price": "<2>"})
        self.assertCountEqual(paths, self.folder.iterdir())
        self.assertEqual({path.suffix for path in paths}, {".html", ".png", ".csv"})
        page = (self.folder / "report.html").read_text()
        self.assertNotRegex(page, r'(src|href)="(?!#|data:)')
        self.assertNotRegex(page, r"@import|fetch\(|url\((?!#|\$|data:)")
        links = re.findall(r'<a href="#(\w+)"', page)
        self.assertEqual(links, re.findall(r'<section id="(\w+)"', page))
        self.assertLen(links, 13)
        for text in (
            "<title>wrn-8-1 on cats, dogs</title>",
            "2 blocks of 3 levels,\n9 fixed models in 1,234 weights.",
            "<td>fixed models, mixed</td>\n<td>86.50</td><td>45.6</td>",
            "Gain over fixed models and their mixtures: +0.50 points (95 %: -0.70 to +1.68).",
            "Strong shade: the selector trains",
            "as many as its share",
            "<p>Model 2-0. class 0: 100 % of its images, 4.0 times",
            "<p>Model 1-1, and 2-1 where it is less than 0.625 sure.</p>",
            "<td>cats and dogs</td>\n<td>58.8</td>",
            "<td>1-1</td><td>60.0</td><td>43.8</td>",
            "<td>class 0</td><td>0</td>\n<td>–</td>\n<td>–</td>\n<td>–</td>\n</tr>",  # A dog.
            "<code>--price</code></td><td><code>&lt;2&gt;</code>",
        ):
            self.assertTrue(text in page, text)  # Says no more: a page is long.

    def test_one_task_without_a_known_training(self):
        analysis = planted_analysis(dataclasses.replace(planted_routing(), seen=None))
        object.__setattr__(analysis, "stages", None)
        object.__setattr__(analysis, "budget", 0.4)
        object.__setattr__(analysis, "comparisons", {})
        top5 = {"top5_accuracy": {"selector": 0.9876, "full": 0.99}}
        analysis.results["planted"] = analysis.results["planted"] | top5
        paths = write_report(analysis, self.folder)
        names = {path.name for path in paths if path.suffix == ".png"}
        expected = {"figure_3a_models", "figure_3b_levels", "figure_4_planted", "tradeoff"}
        expected.add("confusion_planted")
        self.assertEqual(names, {f"{name}.png" for name in expected})
        page = (self.folder / "report.html").read_text()
        self.assertIn("There is one task only.", page)
        self.assertIn("the selector is held to 40 % of the MACs", page)
        self.assertNotIn("#training", page)
        self.assertNotIn("#time", page)
        self.assertNotIn("#second_look", page)
        self.assertIn("Top-5 accuracy: 98.76 %, full model 99.00 %.", page)


class ImageBrowserTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3)
    def test_an_image_says_what_became_of_it(self, channels):
        routing = planted_routing(channels=channels)
        data = browser_data(planted_analysis(routing), 4)["planted"]
        self.assertEqual(data["classes"][2], "class 2")
        self.assertEqual(data["full_macs"], 2_000_000)
        self.assertEqual((data["width"], data["height"]), (5, 6))
        self.assertEqual(
            collections.Counter(image["label"] for image in data["images"]),
            {0: 4, 1: 4, 2: 4, 3: 3},
        )
        kind, content = data["sheet"].split(",")
        self.assertEqual(kind, "data:image/png;base64")
        sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        self.assertEqual(sheet.ndim, 2 if channels == 1 else 3)
        for place, image in enumerate(data["images"]):
            index, label = image["index"], image["label"]
            self.assertEqual(label, routing.routed.labels[index])
            self.assertEqual(image["answer"] == label, index % 2 == 0)
            self.assertAllClose(image["confidence"], 0.5 + index / 100)
            self.assertAllClose(image["macs"], MACS[label])
            self.assertEqual(image["model"], ["2-0", "1-1", "1-1", "0-2"][label])
            shown = sheet[:6, 5 * place : 5 * place + 5]  # Image number i is filled with i.
            self.assertAllEqual(shown, np.full_like(shown, index))

    def test_the_cheapest_and_the_dearest_of_a_class_are_there(self):
        routing = planted_routing(per_class=(9, 0, 0, 0))
        routing.routed.macs_share[:] = [0.5, 0.1, 0.9, 0.4, 0.3, 0.2, 0.6, 0.7, 0.8]
        images = browser_data(planted_analysis(routing), 3)["planted"]["images"]
        self.assertEqual([image["index"] for image in images], [1, 0, 2])
