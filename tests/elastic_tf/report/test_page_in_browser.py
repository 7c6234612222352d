"""Tests of the page in a real browser, where there is one."""

import re
import unittest

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.report.page import draw_figures, render_page
from tests.elastic_tf.report.headless_browser import find_browser, probe_page
from tests.elastic_tf.report.planted import MACS, two_tasks


@unittest.skipUnless(find_browser(), "There is no Chromium or Chrome.")
class PageInBrowserTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = render_page(two_tasks(), draw_figures(two_tasks()), browser_images=2)

    def test_it_runs(self):
        script = """
            const images = page.querySelectorAll(".image").length;
            return [images, page.getElementById("count").textContent];
        """
        (images, count), console = probe_page(self.page, script)
        self.assertEqual(console, [])
        self.assertEqual(images, 8)  # Of the first task: two of each of four classes.
        self.assertStartsWith(count, "8 images shown")

    def test_a_task_a_class_and_an_order_can_be_picked(self):
        script = """
            const pick = (id, value) => {
              const select = page.getElementById(id);
              select.value = value;
              select.dispatchEvent(new Event("change", { bubbles: true }));
            };
            const cards = () => [...page.querySelectorAll(".image")].map((card) => [
              card.querySelector(".picture").getAttribute("aria-label").split(",")[0],
              card.innerText,
            ]);
            pick("task", "dogs");
            const classes = [...page.getElementById("class").options].map((each) => each.text);
            pick("order", "dearest");
            const dearest = cards();
            pick("class", "3");
            const count = page.getElementById("count").textContent;
            return { classes, dearest, klass: cards(), count };
        """
        found, console = probe_page(self.page, script)
        self.assertEqual(console, [])
        # There is no dog of class 0.
        self.assertEqual(found["classes"], ["all classes", "class 1", "class 2", "class 3"])
        self.assertEqual([label for label, _ in found["klass"]], ["class 3"] * 2)
        self.assertStartsWith(found["count"], "2 images shown")
        shares = []
        for label, text in found["dearest"]:
            answer, confidence = re.search(r"[✓✗] (.*), (\d+) %", text).groups()
            self.assertRegex(answer, rf".* \(is {label}\)$" if "✗" in text else f"^{label}$")
            self.assertBetween(int(confidence), 50, 70)
            macs, share = re.search(r"([\d.]+) [kM] MACs, ([\d.]+) %", text).groups()
            self.assertAllClose(float(share), 100 * MACS[int(label[-1])])
            # Of two million; below a million in thousands.
            of_full = float(macs) * (1e3 if " k MACs" in text else 1e6) / 2e6
            self.assertAllClose(of_full, MACS[int(label[-1])], rtol=0.01)
            shares.append(float(share))
        self.assertEqual(shares, [60, 60, 40, 40, 40])

    @parameterized.parameters(320, 390, 700)
    def test_a_narrow_page_does_not_scroll_sideways(self, width):
        script = """
            const view = page.defaultView;
            const isOver = (each) => each.getBoundingClientRect().right > view.innerWidth
              || each.scrollWidth > each.clientWidth;
            return {
              width: view.innerWidth,
              scrolls: page.documentElement.scrollWidth > view.innerWidth,
              figures: [...page.querySelectorAll(".figure")].filter(isOver).length,
              columns: view.getComputedStyle(page.querySelector(".panels")).gridTemplateColumns
                .split(" ").length,
            };
        """
        found, _ = probe_page(self.page, script, width)
        self.assertEqual(found, {"width": width, "scrolls": False, "figures": 0, "columns": 1})
