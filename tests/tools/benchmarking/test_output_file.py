import pathlib

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.benchmarking.output_file import check_output_file


class OutputFileTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def test_nothing_is_left_behind(self):
        check_output_file("json_out", self.folder / "new.json")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_file_that_is_there_is_left_alone(self):
        (self.folder / "old.json").write_text("old")
        check_output_file("json_out", self.folder / "old.json")
        self.assertEqual((self.folder / "old.json").read_text(), "old")

    @parameterized.parameters("missing/new.json", "file/new.json", "")
    def test_a_path_that_cannot_be_written_is_refused(self, name):
        (self.folder / "file").write_text("")
        with self.assertRaisesRegex(ValueError, "`--plot_out` must be a file.*Received: plot_out="):
            check_output_file("plot_out", self.folder / name)


if __name__ == "__main__":
    tf.test.main()
