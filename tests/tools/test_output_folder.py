import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.output_folder import make_output_folder


class OutputFolderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_it_is_made_with_all_above_it_and_empty(self):
        folder = make_output_folder(str(self.folder / "new" / "folder"))
        self.assertEqual(folder, self.folder / "new" / "folder")
        self.assertEmpty(list(folder.iterdir()))

    def test_what_lies_there_is_left_alone(self):
        (self.folder / "old").write_text("old")
        make_output_folder(str(self.folder))
        self.assertEqual([path.read_text() for path in self.folder.iterdir()], ["old"])

    def test_a_file_in_the_way_is_an_error(self):
        (self.folder / "file").write_text("")
        with self.assertRaisesRegex(ValueError, "a folder that can be made. Received: output_dir="):
            make_output_folder(str(self.folder / "file"))

    # Not even root writes there.
    def test_a_folder_that_cannot_be_written_to_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "that can be written to. Received: output_dir=/pr"):
            make_output_folder("/proc")

    def test_no_path_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "the path of a folder. Received: output_dir=''"):
            make_output_folder("")


if __name__ == "__main__":
    tf.test.main()
