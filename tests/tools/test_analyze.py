import csv
import pathlib
import re
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools import analyze, calibrate

from tests.tools.commands import run_failing, run_main
from tests.tools.finished_run import save_run
from tests.tools.headless_browser import find_browser, open_page, probe_page

TASKS = ("digits", "fashion_mnist_small")
IMAGES = {"digits": 120, "fashion_mnist_small": 800, "all tasks": 920}


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class AnalyzeTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.run_directory, cls.network = save_run(cls.folder / "run", TASKS)
        run_main(calibrate.main, model_dir=str(cls.folder / "run"))
        cls.output_dir = cls.folder / "new" / "report"
        cls.output_dir.mkdir(parents=True)
        (cls.output_dir / "other.csv").write_text("not of the analysis")
        cls.printed = cls._analyze(
            cls.output_dir, split="validation", search_evaluations=2, budgets=["0.5"]
        )
        cls.page = (cls.output_dir / "report.html").read_text()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def _analyze(cls, output_dir, run=run_main, **values):
        # The script defines its --output_dir only where it is run.
        values = {"model_dir": str(cls.folder / "run"), "browser_images": 2} | values
        flag_values = flags.FlagValues()
        analyze.define_output_dir(flag_values)
        flag_values(["analyze", f"--output_dir={output_dir}"])
        with mock.patch.object(analyze, "FLAGS", _Joined(flag_values)):
            return run(analyze.main, **values)

    def _rows(self, name):
        with open(self.output_dir / name, newline="") as file:
            return list(csv.DictReader(file))

    def test_the_counts_of_figure_3a_add_up_to_the_images(self):
        counts = dict.fromkeys(IMAGES, 0)
        for row in self._rows("figure_3a_models.csv"):
            counts[row["task"]] += int(row["images"])
        self.assertEqual(counts, IMAGES)

    def test_the_most_used_model_comes_first(self):
        rows = self._rows("figure_3a_models.csv")
        counts = [int(row["images"]) for row in rows if row["task"] == "digits"]
        self.assertEqual(counts, sorted(counts, reverse=True))

    def test_every_block_of_figure_3b_adds_up_to_1(self):
        sums = {}
        for row in self._rows("figure_3b_levels.csv"):
            key = row["task"], row["block"]
            sums[key] = sums.get(key, 0.0) + float(row["mean_probability"])
        self.assertLen(sums, 3 * self.network.num_blocks)
        self.assertAllClose(list(sums.values()), np.ones(len(sums)), atol=1e-5)

    def test_the_classes_of_a_group_add_up_to_its_images(self):
        found = {}
        for row in self._rows("figure_4_groups.csv"):
            images, counted = found.setdefault((row["task"], row["model"]), [row["images"], 0])
            found[row["task"], row["model"]] = [images, counted + int(row["count"])]
        self.assertLen(found, 2 * 3)
        for images, counted in found.values():
            self.assertEqual(int(images), counted)

    def test_every_pair_of_tasks_is_compared(self):
        (row,) = self._rows("task_agreement.csv")
        self.assertEqual((row["first"], row["second"]), TASKS)
        self.assertBetween(float(row["overlap"]), 0, 1)

    def test_shared_models_have_their_share_in_each_task(self):
        shares = {}
        for row in self._rows("figure_3a_models.csv"):
            shares[row["task"], row["model"]] = row["share"]
        rows = self._rows("shared_models.csv")
        self.assertNotEmpty(rows)
        for row in rows:
            self.assertEqual(row["share"], shares[row["task"], row["model"]])

    def test_shared_models_are_looked_at_in_every_task_that_uses_them(self):
        shares = [(row["model"], row["task"]) for row in self._rows("shared_models.csv")]
        counted = {}
        for row in self._rows("figure_4_shared.csv"):
            key = row["model"], row["task"]
            counted[key] = counted.get(key, 0) + int(row["count"])
            self.assertEqual(row["tasks"], " ".join(TASKS))
        self.assertEqual(list(counted), shares[: 2 * 3])
        images = {
            (row["model"], row["task"]): int(row["images"])
            for row in self._rows("figure_3a_models.csv")
        }
        self.assertEqual(counted, {key: images[key] for key in counted})

    @parameterized.parameters(
        "tradeoff", "figure_3a_models", "figure_3b_levels", "figure_4_digits", "figure_4_shared"
    )
    def test_figures_are_written_for_print(self, name):
        png = (self.output_dir / f"{name}.png").read_bytes()
        self.assertAllGreater(tf.io.decode_png(png).shape[:2], 300)

    def test_the_page_needs_nothing_but_itself(self):
        self.assertNotRegex(self.page, r'(src|href)="(?!#|data:)')
        self.assertNotRegex(self.page, r"@import|fetch\(|url\((?!#|\$|data:)")
        for text in ("wrn-8-1", "Ankle boot", "selector at budgets", "--validation_share"):
            self.assertIn(text, self.page)

    def test_the_page_runs_in_a_browser(self):
        dom, console = open_page(self._browser(), self.output_dir / "report.html")
        self.assertEqual(console, [])
        # Of the first task: two of each of ten classes.
        self.assertEqual(dom.count('class="image"'), 20)
        self.assertIn("20 images shown", dom)

    def test_a_task_and_a_class_can_be_picked(self):
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
            pick("task", "fashion_mnist_small");
            const task = cards();
            const classes = [...page.getElementById("class").options].map((each) => each.text);
            pick("order", "dearest");
            const dearest = cards();
            pick("class", "9");
            const count = page.getElementById("count").textContent;
            return { task, classes, dearest, klass: cards(), count };
        """
        found, console = probe_page(self._browser(), self.output_dir / "report.html", script, 1280)
        self.assertEqual(console, [])
        self.assertLen(found["task"], 20)
        self.assertEqual({label for label, _ in found["task"]}, set(found["classes"][1:]))
        self.assertIn("Ankle boot", found["classes"])
        self.assertEqual([label for label, _ in found["klass"]], ["Ankle boot"] * 2)
        self.assertStartsWith(found["count"], "2 images shown")
        full_macs = self.network.cost_table("fashion_mnist_small").full_macs
        shares = []
        for label, text in found["dearest"]:
            answer, confidence = re.search(r"[✓✗] (.*), (\d+) %", text).groups()
            expected = rf".* \(is {label}\)$" if "✗" in text else f"^{label}$"
            self.assertRegex(answer, expected)
            self.assertBetween(int(confidence), 0, 100)
            macs, unit, share = re.search(r"([\d.]+) ([kM]) MACs, ([\d.]+) %", text).groups()
            shares.append(float(share))
            macs = float(macs) * {"k": 1e3, "M": 1e6}[unit]
            self.assertAllClose(macs / full_macs, float(share) / 100, rtol=0.02)
        self.assertGreater(shares[0], shares[-1])
        self.assertEqual(shares, sorted(shares, reverse=True))

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
        found, _ = probe_page(self._browser(), self.output_dir / "report.html", script, width)
        self.assertEqual(found, {"width": width, "scrolls": False, "figures": 0, "columns": 1})

    def _browser(self):
        browser = find_browser()
        if not browser:
            self.skipTest("There is no Chromium or Chrome.")
        return browser

    def test_progress_is_printed(self):
        self.assertRegex(self.printed, r"\[ +\d+ s\] digits: 120 images on \d+ models")

    def test_what_was_written_is_printed_and_nothing_else(self):
        saved = self.printed[self.printed.index("Saved: ") + 7 :].strip().split(", ")
        there = {str(path) for path in self.output_dir.iterdir() if path.name != "other.csv"}
        self.assertEqual(set(saved), there)

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        (self.folder / "file").write_text("in the way")
        line = self._analyze(self.folder / "file", run_failing)
        self.assertRegex(line, "^error: `--output_dir` must be a folder that can be made.")

    @parameterized.parameters(("", "the path of a folder"), ("/proc", "that can be written to"))
    def test_a_folder_that_cannot_be_used_is_an_error_before_the_work(self, output_dir, message):
        with mock.patch.object(analyze, "route_task", side_effect=AssertionError("work")):
            line = self._analyze(output_dir, run_failing)
        self.assertRegex(line, f"^error: `--output_dir` must be .*{message}")

    def test_a_run_that_has_not_finished_is_an_error(self):
        (self.folder / "empty").mkdir(exist_ok=True)
        line = self._analyze(
            self.folder / "none", run_failing, model_dir=str(self.folder / "empty")
        )
        self.assertRegex(line, "^error: `--model_dir` must be the output directory")
        self.assertFalse((self.folder / "none").exists())


class _Joined:
    """The flags of all scripts, with those of this one."""

    def __init__(self, own):
        self._own = own

    def __getattr__(self, name):
        return getattr(self._own if name in self._own else flags.FLAGS, name)


if __name__ == "__main__":
    tf.test.main()
