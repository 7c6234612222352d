"""Whenever it is stopped, the next preparation ends with the same data.

In one process the same bytes: between processes protobuf orders the fields of a record anew.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines.preparation import local_builder
from pipelines.preparation import prepare as prepare_module
from pipelines.preparation.prepare import prepare
from tests.pipelines.preparation import official_files as files

# Stops for good in the middle of the test split, and says so.
_CHILD = """
import sys, time
from pipelines.preparation import local_builder
from pipelines.preparation.prepare import prepare
from tests.pipelines.preparation import official_files as files

def generate(self, split):
    for number, example in enumerate(self.content.splits[split]()):
        if (split, number) == ("test", 2):
            print("half way", flush=True)
            time.sleep(60)
        yield number, {**example, "id": str(number)}

local_builder._generate_examples = generate
prepare(files.tiny_set("cifar10"), sys.argv[1], sys.argv[2])
"""


class _Stopped(BaseException):
    pass


def _stop(*_, **__):
    raise _Stopped


class InterruptionTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.archive = files.tar_gz(cls.root / "archive", files.cifar10_binary().items())
        prepare(files.tiny_set("cifar10"), cls.archive, cls.root / "whole")
        cls.whole = files.contents(cls.root / "whole")

    def setUp(self):
        super().setUp()
        self.data_dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _assert_whole_after_another_run(self):
        prepare(files.tiny_set("cifar10"), self.archive, self.data_dir)
        self.assertEqual(files.contents(self.data_dir), self.whole)
        self.assertEqual([path.name for path in self.data_dir.iterdir()], ["cifar10"])

    def _stop_in(self, place, name, stop=_stop):
        with mock.patch.object(place, name, stop), self.assertRaises(_Stopped):
            prepare(files.tiny_set("cifar10"), self.archive, self.data_dir)

    @parameterized.parameters("_build", "staging_folder", "check_digests")
    def test_stopped_in(self, name):
        self._stop_in(prepare_module, name)
        self.assertEmpty(list(self.data_dir.iterdir()))
        self._assert_whole_after_another_run()

    @parameterized.parameters(0, 1, 9, 10, 13)
    def test_stopped_at_an_image(self, stop_at):
        count = 0

        def generate(builder, split):
            nonlocal count
            for number, example in enumerate(builder.content.splits[split]()):
                if count == stop_at:
                    raise _Stopped
                count += 1
                yield number, {**example, "id": "other"}

        self._stop_in(local_builder, "_generate_examples", generate)
        self._assert_whole_after_another_run()

    def test_stopped_before_the_last_act(self):
        rename = os.rename

        def stop(source, target):
            if pathlib.Path(target) == self.data_dir / "cifar10" / "3.0.2":
                self.assertTrue((pathlib.Path(source) / "dataset_info.json").exists())
                raise _Stopped
            rename(source, target)

        self._stop_in(os, "rename", stop)
        self.assertEmpty(files.contents(self.data_dir))
        self._assert_whole_after_another_run()

    @parameterized.parameters(
        OSError(28, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
    )
    def test_full_disk(self, error):
        def generate(builder, split):
            raise error
            yield

        with mock.patch.object(local_builder, "_generate_examples", generate):
            with self.assertRaisesRegex(ValueError, "have room .*No space left.* Received: data_d"):
                prepare(files.tiny_set("cifar10"), self.archive, self.data_dir)
        self.assertEmpty(list(self.data_dir.iterdir()))
        self._assert_whole_after_another_run()

    def test_killed_after_the_last_act(self):
        # What was not cleared away goes with the next run, which leaves the data as they are.
        prepare(files.tiny_set("cifar10"), self.archive, self.data_dir)
        (self.data_dir / ".preparing-cifar10" / "cifar10").mkdir(parents=True)
        (self.data_dir / ".preparing-cifar10.lock").touch()
        self._assert_whole_after_another_run()

    def test_killed(self):
        command = [sys.executable, "-c", _CHILD, str(self.archive), str(self.data_dir)]
        repository = pathlib.Path(__file__).parents[3]
        child = subprocess.Popen(
            command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.assertEqual(child.stdout.readline(), "half way\n")
            # While it is at work, another run says so and touches nothing.
            before = files.contents(self.data_dir)
            with self.assertRaisesRegex(ValueError, "in use by another process"):
                prepare(files.tiny_set("cifar10"), self.archive, self.data_dir)
            self.assertEqual(files.contents(self.data_dir), before)
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        self.assertTrue((self.data_dir / ".preparing-cifar10").exists())
        self.assertFalse((self.data_dir / "cifar10").exists())
        self._assert_whole_after_another_run()


if __name__ == "__main__":
    tf.test.main()
