import pathlib
import tempfile

from elastic_tf_tools import prepare_data

import tensorflow as tf
from absl.testing import parameterized

from tests.pipelines.official_files import official_archives
from tests.tools.commands import run_command, run_failing


class PrepareDataTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.flags = (f"--manual_dir={self.root}/manual", f"--data_dir={self.root}/data")

    def test_it_says_what_it_prepared(self):
        with official_archives("cifar10", self.root / "manual"):
            lines = run_command(prepare_data, "--task=cifar10", *self.flags).splitlines()
        done = f"10 train, 4 test images in {self.root}/data/cifar10/3.0.2"
        self.assertEqual(lines, [f"Preparing cifar10 from {self.root}/manual", done])
        _, again, done_again = run_command(prepare_data, "--task=cifar10", *self.flags).splitlines()
        self.assertEqual(again, "cifar10 had been prepared before and is left as it is.")
        self.assertEqual(done_again, done)

    @parameterized.parameters(
        ("--task=cifar", "`name` must be one of mnist, .*Received: name='cifar'$"),
        ("--task=cifar10", "`manual_dir` must hold cifar-10-binary.tar.gz. Received: "),
        ("", "`--task` or `--tfds` must be given, not both. Received: task=None, tfds=None"),
        ("--task=cifar10 --tfds=stl10", "`--task` or `--tfds` must be given, not both."),
        ("--tfds=nonesuch", "`tfds` must be a data set that tfds knows, .*tfds=nonesuch"),
        ("--tfds=coco", "`tfds` must have an Image and a ClassLabel as its supervised keys"),
        (
            "--tfds=imagenet2012",
            "`manual_dir` must hold ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar. Received: ",
        ),
        ("--task=cifar10 x", "Arguments must be flags"),
        ("--task=cifar10 --from=x", "`--from` is called `--manual_dir` now"),
    )
    def test_bad_flags_are_one_line(self, line, pattern):
        error = run_failing(prepare_data, *self.flags, *line.split())
        self.assertRegex(error, f"^error: .*{pattern}")
        self.assertFalse((self.root / "data").exists())
