"""Tests of the CSV files behind the figures of a report."""

import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from elastic_tf.report.analysis_csv import write_analysis_csv
from tests.elastic_tf.report.planted import (
    MACS,
    csv_rows,
    planted_analysis,
    planted_routing,
    two_tasks,
)


class AnalysisCsvTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_an_analysis_has_the_numbers_behind_its_figures(self):
        paths = write_analysis_csv(self.folder, two_tasks())
        self.assertCountEqual(paths, self.folder.iterdir())
        models = csv_rows(self.folder / "figure_3a_models.csv")
        images = {(row["task"], row["model"]): int(row["images"]) for row in models}
        self.assertEqual(images["cats", "1-1"], 12)  # Classes 1 and 2.
        self.assertEqual(images["all tasks", "1-1"], 12 + 7)
        self.assertEqual([row["rank"] for row in models if row["task"] == "dogs"], ["1", "2"])
        levels = csv_rows(self.folder / "figure_3b_levels.csv")
        first = sum(float(each["mean_probability"]) for each in levels[:3])
        self.assertLen(levels, 3 * 2 * 3)
        self.assertAllClose(first, 1)
        (row,) = csv_rows(self.folder / "task_agreement.csv")
        self.assertEqual((row["first"], row["second"]), ("cats", "dogs"))
        # Of models 1-1 and 0-2: 12 and 3 of 20 images, 7 and 9 of 16.
        self.assertAllClose(float(row["overlap"]), 7 / 16 + 3 / 20)
        self.assertBetween(float(row["mean_level_overlap"]), 0, 1)

    def test_groups_count_the_classes_of_their_images(self):
        write_analysis_csv(self.folder, two_tasks())
        shared = csv_rows(self.folder / "figure_4_shared.csv")
        of_model = [row for row in shared if (row["task"], row["model"]) == ("dogs", "1-1")]
        self.assertEqual([row["count"] for row in of_model], ["0", "6", "1", "0"])
        self.assertEqual(of_model[0]["class"], "class 0")
        self.assertEqual({row["tasks"] for row in shared}, {"cats dogs"})
        shares = {
            (row["model"], row["task"]): row for row in csv_rows(self.folder / "shared_models.csv")
        }
        self.assertAllClose(float(shares["1-1", "dogs"]["share"]), 7 / 16)
        groups = csv_rows(self.folder / "figure_4_groups.csv")
        self.assertLen(groups, (3 + 2) * 4)
        self.assertEqual(of_model[0]["lift"], "")  # There is no such image.

    def test_classes_and_what_they_are_taken_for(self):
        write_analysis_csv(self.folder, two_tasks())
        labels = two_tasks().routings[1].routed.labels
        is_even = np.arange(16) % 2 == 0
        none, one, *_ = [
            row for row in csv_rows(self.folder / "classes.csv") if row["task"] == "dogs"
        ]
        self.assertEqual((none["images"], none["full_accuracy"], none["macs_share"]), ("0", "", ""))
        self.assertEqual((one["class"], one["images"]), ("class 1", "6"))
        right = np.mean(is_even[labels == 1])
        self.assertAllClose(float(one["selector_accuracy"]), right)
        self.assertAllClose(float(one["full_accuracy"]), 1 - (labels[1] == 1) / 6)
        self.assertAllClose(float(one["macs_share"]), MACS[1])
        counts = {
            (row["choice"], row["class"], row["answer"]): int(row["images"])
            for row in csv_rows(self.folder / "confusions.csv")
            if row["task"] == "dogs"
        }
        self.assertEqual(counts["selector", "class 3", "class 0"], np.sum(~is_even[labels == 3]))
        self.assertEqual(sum(counts.values()), 2 * 16)
        self.assertNotIn(("selector", "class 1", "class 0"), counts)

    def test_one_task_shares_nothing(self):
        paths = write_analysis_csv(self.folder, planted_analysis(planted_routing()))
        names = [path.stem for path in paths]
        figures = ["figure_3a_models", "figure_3b_levels", "figure_4_groups", "second_look_images"]
        self.assertEqual(names, ["classes", "confusions", *figures])


if __name__ == "__main__":
    tf.test.main()
