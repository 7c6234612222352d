"""Tests of the figures of which classes are taken for which."""

import dataclasses
import html

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.report.confusion_figures import draw_confusions
from tests.elastic_tf.report.planted import planted_routing


class ConfusionFiguresTest(tf.test.TestCase, parameterized.TestCase):
    def test_rows_are_shares_of_a_class(self):
        routing = planted_routing(per_class=(5, 8, 0, 3))
        chosen, full = draw_confusions(routing).figure().axes
        shares = np.array(chosen.images[0].get_array())
        self.assertAllClose(shares.sum(axis=1), [100, 100, 0, 100])
        labels, numbers = routing.routed.labels, np.arange(16)
        wrong = np.mean(numbers[labels == 1] % 2)  # These are taken for the next class.
        self.assertAllClose(shares[1], [0, 100 * (1 - wrong), 100 * wrong, 0])
        texts = {text.get_position(): text.get_text() for text in chosen.texts}
        self.assertEqual(texts[2, 1], f"{100 * wrong:.0f}")  # The answer runs to the right.
        self.assertNotIn((0, 1), texts)
        self.assertLen(full.texts, 3 + 1)
        names = [label.get_text() for label in chosen.get_yticklabels()]
        self.assertEqual(names, [f"class {label}" for label in range(4)])

    @parameterized.parameters("$a_b^$", "a$b$c", r"\frac", "100 % & _#", "$$")
    def test_names_are_no_formulas(self, name):
        routing = dataclasses.replace(planted_routing(), class_names=[name, "b", "c", "d"])
        drawing = draw_confusions(routing)
        drawing.save(self.get_temp_dir() + "/a.png")
        self.assertEqual(drawing.figure().axes[0].get_yticklabels()[0].get_text(), name)
        self.assertIn(html.escape(name), "".join(drawing.svgs()))

    def test_letters_that_no_font_has_are_told_once(self):
        routing = dataclasses.replace(planted_routing(), class_names=["\U00013000\U00013001"] * 4)
        with self.assertWarnsRegex(UserWarning, "a.png has names in a script that no") as caught:
            draw_confusions(routing).save(self.get_temp_dir() + "/a.png")
        self.assertLen([w for w in caught.warnings if "script" in str(w.message)], 1)

    @parameterized.parameters((11, 11), (17, None))
    def test_many_classes_have_shades_alone(self, size, named):
        names = [f"a class of a long name {label}" for label in range(size)]
        routing = dataclasses.replace(planted_routing(), class_names=names)
        figure = draw_confusions(routing).figure()
        self.assertEqual(figure.axes[-1].get_ylabel(), "images of the class, %")
        self.assertEmpty(figure.axes[0].texts)
        ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        if named:
            self.assertEqual(ticks, ["a class of a …"] * named)
        else:
            self.assertNotIn("a class of a …", ticks)
