import contextlib
import io
import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools import prepare_data

from pipelines.preparation.official_sets import OFFICIAL_SETS
from tests.pipelines.preparation import official_files as files


class PrepareDataTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tiny = {"cifar10": files.tiny_set("cifar10")}
        self.enter_context(mock.patch.dict(OFFICIAL_SETS, tiny))
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        # The name of the other format, whose digest it does not have.
        members = files.cifar10_binary().items()
        self.archive = files.tar_gz(self.root / "cifar-10-python.tar.gz", members)
        self.data_dir = self.root / "data"

    def _run(self, *arguments):
        """Returns the exit status, and the lines on stdout and stderr."""
        out, errors, status = io.StringIO(), io.StringIO(), 0
        values = flags.FlagValues()
        prepare_data.define_flags(values)
        with (
            mock.patch.object(prepare_data, "FLAGS", values),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            line = ["prepare_data", f"--data_dir={self.data_dir}", *arguments]
            try:
                prepare_data.main(values(line))
            except SystemExit as stopped:
                status = stopped.code
        return status, out.getvalue().splitlines(), errors.getvalue().splitlines()

    def test_it_says_what_it_prepared(self):
        arguments = ["--task=cifar10", f"--from={self.archive}", "--nocheck_digest"]
        self.assertEqual(
            self._run(*arguments),
            (
                0,
                [
                    f"Preparing cifar10 from {self.archive}",
                    f"10 train, 4 test images in {self.data_dir}/cifar10/3.0.2",
                ],
                [],
            ),
        )
        again, lines, _ = self._run(*arguments)
        self.assertEqual(again, 0)
        self.assertEqual(lines[1], "cifar10 had been prepared before and is left as it is.")

    @parameterized.parameters(
        ("--task=cifar", "`--task` must be one of cifar10, .* Received: task=cifar$"),
        ("--task=cifar10", "`--from` must be a file or folder. Received: from=None"),
        ("--task=cifar10 --from=/absent", "`from` must be a path that exists. Received: from=/abs"),
        ("--task=cifar10 --from=x y", "Arguments must be flags"),
    )
    def test_bad_flags_are_one_line(self, line, pattern):
        status, _, errors = self._run(*line.split())
        self.assertEqual(status, 2)
        self.assertLen(errors, 1)
        self.assertRegex(errors[0], f"^error: {pattern}")
        self.assertFalse(self.data_dir.exists())

    def test_another_digest_is_refused(self):
        status, _, errors = self._run("--task=cifar10", f"--from={self.archive}")
        self.assertEqual(status, 2)
        self.assertRegex(errors[0], "md5 c58f30108f718f92721af3b95e74349a .*--nocheck_digest")
        self.assertLen(errors, 1)


if __name__ == "__main__":
    tf.test.main()
