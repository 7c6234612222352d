import json
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.studying.study_directory import StudyDirectory


class StudyDirectoryTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "study"
        self.directory = StudyDirectory(self.path)

    def test_a_new_directory_is_claimed(self):
        self.directory.claim("baselines")
        self.assertEqual(json.loads((self.path / "study.json").read_text()), {"study": "baselines"})

    def test_the_same_study_may_go_on_and_its_figures_stay(self):
        self.directory.claim("baselines")
        self.directory.write({"study": "baselines", "variants": {}}, "| a |\n")
        self.directory.claim("baselines")
        self.assertIn("variants", (self.path / "study.json").read_text())
        self.assertEqual((self.path / "table.md").read_text(), "| a |\n")

    def test_a_check_writes_nothing(self):
        self.directory.check("baselines")
        self.assertFalse(self.path.exists())

    def test_another_study_is_refused_and_nothing_is_lost(self):
        self.directory.claim("baselines")
        with self.assertRaisesRegex(
            FileExistsError, "`--output_dir` must .* which holds the study baselines"
        ):
            self.directory.claim("gradients")
        self.assertIn("baselines", (self.path / "study.json").read_text())

    def test_somebody_elses_files_are_refused(self):
        self.path.mkdir()
        (self.path / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(FileExistsError, "which holds other files"):
            self.directory.claim("baselines")
        self.assertEqual([file.name for file in self.path.iterdir()], ["thesis.txt"])

    def test_a_damaged_file_is_named(self):
        self.path.mkdir()
        (self.path / "study.json").write_text("{")
        with self.assertRaisesRegex(ValueError, "study.json must be JSON"):
            self.directory.claim("baselines")

    def test_a_table_that_cannot_be_written_leaves_the_old_one(self):
        self.directory.claim("baselines")
        self.directory.write({"study": "baselines"}, "old")
        with self.assertRaises(UnicodeEncodeError):
            self.directory.write({"study": "baselines"}, "new \udc00")
        self.assertEqual((self.path / "table.md").read_text(), "old")


if __name__ == "__main__":
    tf.test.main()
