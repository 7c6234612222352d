import re

import tensorflow as tf

from tests.tools.analyzing.planted_analysis import planted_analysis
from tools.analyzing.figure import inline_svg
from tools.analyzing.figure_sections import figure_sections
from tools.analyzing.print_figures import draw_figures

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


if __name__ == "__main__":
    tf.test.main()
