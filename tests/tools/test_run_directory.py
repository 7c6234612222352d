import json
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.run_directory import RunDirectory, read_json, write_json


class RunDirectoryTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir_path()) / "run"
        self.run = RunDirectory(self.path)

    def create_tempdir_path(self):
        return tempfile.mkdtemp(dir=self.get_temp_dir())

    def test_a_new_directory_is_claimed(self):
        self.run.claim({"rho": 10.0})
        self.assertEqual(self.run.read_flags(), {"rho": 10.0})

    def test_the_same_run_may_go_on(self):
        self.run.claim({"rho": 10.0})
        self.run.claim({"rho": 10.0})

    def test_another_run_is_refused_and_nothing_overwritten(self):
        self.run.claim({"rho": 10.0, "seed": 1})
        with self.assertRaisesRegex(FileExistsError, "`--output_dir` must .* differs in rho"):
            self.run.claim({"rho": 5.0, "seed": 1})
        self.assertEqual(self.run.read_flags(), {"rho": 10.0, "seed": 1})

    def test_somebody_elses_files_are_refused(self):
        self.path.mkdir()
        (self.path / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(FileExistsError, "which holds other files"):
            self.run.claim({})
        self.assertEqual([file.name for file in self.path.iterdir()], ["thesis.txt"])

    def test_no_run_is_named(self):
        with self.assertRaisesRegex(
            FileNotFoundError, "`--model_dir` must be .*Received: model_dir="
        ):
            self.run.read_flags()

    def test_damaged_json_names_the_file(self):
        file = pathlib.Path(self.create_tempdir_path()) / "x.json"
        file.write_text("{")
        with self.assertRaisesRegex(ValueError, "x.json must be JSON"):
            read_json(file)

    def test_json_is_written_whole(self):
        file = pathlib.Path(self.create_tempdir_path()) / "x.json"
        write_json(file, {"a": [1, 2]})
        self.assertEqual(json.loads(file.read_text()), {"a": [1, 2]})
        self.assertEqual([path.name for path in file.parent.iterdir()], ["x.json"])

    def test_a_value_that_is_no_json_leaves_the_old_file(self):
        file = pathlib.Path(self.create_tempdir_path()) / "x.json"
        write_json(file, 1)
        with self.assertRaises(TypeError):
            write_json(file, object())
        self.assertEqual(read_json(file), 1)


if __name__ == "__main__":
    tf.test.main()
