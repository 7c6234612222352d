import tempfile

import tensorflow as tf
from absl.testing import parameterized

from pipelines.input_pipeline import load_split
from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.registry import get_task, task_names
from pipelines.sources import DataNotFoundError
from pipelines.sources.array_source import ArraySource
from pipelines.standard_tasks import STANDARD_TASKS

_EMBEDDED = [spec for spec in STANDARD_TASKS if isinstance(spec.source, ArraySource)]
_ON_DISK = [spec for spec in STANDARD_TASKS if spec not in _EMBEDDED]


class StandardTasksTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("digits", (8, 8, 1), 10, False, 1),
        ("fashion_mnist_small", (28, 28, 1), 10, True, 3),
        ("mnist", (28, 28, 1), 10, False, 3),
        ("fashion_mnist", (28, 28, 1), 10, True, 3),
        ("cifar10", (32, 32, 3), 10, True, 4),
        ("cifar100", (32, 32, 3), 100, True, 4),
        ("svhn_cropped", (32, 32, 3), 10, False, 4),
        ("stl10", (96, 96, 3), 10, True, 12),
        ("tiny_imagenet", (64, 64, 3), 200, True, 8),
    )
    def test_properties(self, name, image_shape, num_classes, flip, pad):
        spec = get_task(name)
        received = (spec.image_shape, spec.num_classes, spec.flip, spec.pad)
        self.assertEqual(received, (image_shape, num_classes, flip, pad))

    def test_all_are_registered(self):
        self.assertContainsSubset([spec.name for spec in STANDARD_TASKS], task_names())

    @parameterized.parameters(*[[spec] for spec in _EMBEDDED])
    def test_embedded_images_are_what_the_task_says(self, spec):
        labels = [int(label) for _, label in load_split(spec, "train").dataset]
        self.assertEqual(sorted(set(labels)), list(range(spec.num_classes)))

    @parameterized.product(spec=_ON_DISK, split=["train", "validation", "test"])
    def test_absent_images_are_reported_in_three_lines(self, spec, split):
        folder = self.enter_context(tempfile.TemporaryDirectory())
        with self.assertRaises(DataNotFoundError) as caught:
            load_split(spec, split, data_dir=folder)
        missing, files, command = str(caught.exception).splitlines()
        self.assertStartsWith(missing, f"`data_dir` must hold the images of '{spec.name}'")
        self.assertEndsWith(missing, f"Received: data_dir='{folder}'")
        self.assertStartsWith(files, f"Download {OFFICIAL_SETS[spec.name].files} from the ")
        start = f"`python tools/prepare_data.py --task={spec.name} --from="
        self.assertStartsWith(command, start)
        self.assertIn(f" --data_dir={folder}` then ", command)
        # What it is said to be prepared from is what is said to be downloaded, or a folder of it.
        source = command.removeprefix(start).split()[0]
        self.assertTrue(source == "FOLDER" or source in OFFICIAL_SETS[spec.name].files)
