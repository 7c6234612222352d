import pathlib
import tempfile

from elastic_tf_tools import mix_data

import tensorflow as tf
from absl.testing import parameterized

import pipelines
from tests.tools.commands import run_command, run_failing


class MixDataTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "mixed.npz"

    def test_what_it_writes_is_a_task(self):
        flags = "--tasks=digits,fashion_mnist_small", f"--output={self.file}", "--disturb=noise"
        printed = run_command(mix_data, *flags)
        expected = f"9,197 train, 2,600 test images in 20 classes. Saved: {self.file}\n"
        self.assertEqual(printed, expected)
        (task,) = pipelines.parse_tasks([f"mixed:npz={self.file}"])
        spec = task.to_spec()
        self.assertEqual((spec.num_classes, spec.image_shape), (20, (28, 28, 1)))
        self.assertLen(spec.load("test"), 2600)

    @parameterized.parameters(
        (["--tasks=digits"], "flag --output=None: Flag --output must have a value"),
        (["--tasks=nonesuch", "--output=FILE"], "Received: .*nonesuch"),
        (["--tasks=digits", "--output=/nowhere/x.npz"], "`output` must be a file in a folder"),
        (["--tasks=digits", "--output=FILE", "--disturb=rain"], "`disturb` must be one of .*noise"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, flags, fault):
        flags = [flag.replace("FILE", str(self.file)) for flag in flags]
        self.assertRegex(run_failing(mix_data, *flags), fault)
        self.assertFalse(self.file.exists())
