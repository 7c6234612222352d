import json
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.tuning.search_directory import SearchDirectory

from elastic_tf.tuning.objectives import Objective
from tests.tools.tuning.outcome import completed, failed

SEARCH = {"tuner": "random", "ranges": {"levels": [2, 5]}}


class SearchDirectoryTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.directory = SearchDirectory(self.folder / "out")
        self.objective = Objective("hypervolume")

    def test_the_same_search_may_go_on(self):
        self.directory.claim(SEARCH)
        self.directory.claim(SEARCH)
        self.assertEqual(json.loads(self.directory.search.read_text()), SEARCH)

    def test_another_search_is_refused_and_nothing_changes(self):
        self.directory.claim(SEARCH)
        with self.assertRaisesRegex(FileExistsError, "`--output_dir` .* differs in ranges"):
            self.directory.claim(SEARCH | {"ranges": {"levels": [2, 4]}})
        self.assertEqual(json.loads(self.directory.search.read_text()), SEARCH)

    def test_a_folder_of_something_else_is_refused(self):
        (self.folder / "file").touch()
        with self.assertRaisesRegex(FileExistsError, "holds other files"):
            SearchDirectory(self.folder).claim(SEARCH)

    def test_tables_hold_all_trials_the_best_first(self):
        self.directory.claim(SEARCH)
        for outcome in (completed("0", 0.5), failed("1"), completed("2", 0.75)):
            self.directory.outcomes.write(outcome)
        rows = self.directory.write_tables(self.objective)
        self.assertEqual([row["trial"] for row in rows], ["2", "0", "1"])
        self.assertIn("--seed=2", self.directory.best.read_text())
        for path in (self.directory.csv, self.directory.front, self.directory.plot):
            self.assertTrue(path.exists())
        self.assertIn("| 2 | 0.7500 |", self.directory.table.read_text())

    def test_without_a_completed_trial_there_is_no_best(self):
        self.directory.claim(SEARCH)
        self.directory.outcomes.write(failed("0"))
        self.directory.write_tables(self.objective)
        self.assertFalse(self.directory.best.exists())
        self.assertTrue(self.directory.csv.exists())


if __name__ == "__main__":
    tf.test.main()
