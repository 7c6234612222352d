import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines import DataNotFoundError, get_task, registry
from tests.pipelines.numbered_source import numbered_task

_STANDARD = {
    "digits": ((8, 8, 1), 10, False),
    "fashion_mnist_small": ((28, 28, 1), 10, True),
    "mnist": ((28, 28, 1), 10, False),
    "fashion_mnist": ((28, 28, 1), 10, True),
    "cifar10": ((32, 32, 3), 10, True),
    "cifar100": ((32, 32, 3), 100, True),
    "svhn_cropped": ((32, 32, 3), 10, False),
    "stl10": ((96, 96, 3), 10, True),
    "tiny_imagenet": ((64, 64, 3), 200, True),
}
_ARCHIVES = {
    "fashion_mnist": "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-images-idx3-ubyte"
    ".gz, train-labels-idx1-ubyte.gz",
    "cifar10": "cifar-10-binary.tar.gz",
    "svhn_cropped": "extra_32x32.mat, test_32x32.mat, train_32x32.mat",
    "tiny_imagenet": "tiny-imagenet-200.zip",
}


class StandardTasksTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_STANDARD)
    def test_properties(self, name):
        spec = get_task(name)
        received = (spec.image_shape, spec.num_classes, spec.flip)
        self.assertEqual(received, _STANDARD[name])

    def test_there_are_no_others(self):
        self.assertEqual(registry.task_names(), sorted(_STANDARD))

    @parameterized.parameters(
        ("digits", 7, "7"),
        ("fashion_mnist_small", 9, "Ankle boot"),
        ("fashion_mnist", 0, "T-shirt/top"),
        ("cifar10", 1, "automobile"),
        ("cifar100", 99, "worm"),
        ("stl10", 2, "car"),
    )
    def test_class_names(self, name, label, expected):
        names = get_task(name).class_names()
        self.assertEqual(names[label], expected)
        self.assertLen(set(names), get_task(name).num_classes)

    @parameterized.parameters("digits", "fashion_mnist_small")
    def test_embedded_images_are_what_the_task_says(self, name):
        labels = {int(label) for _, label in get_task(name).load("train").as_numpy_iterator()}
        self.assertEqual(labels, set(range(10)))

    @parameterized.parameters(*_ARCHIVES)
    def test_absent_images_are_reported_with_what_to_do(self, name):
        folder = self.enter_context(tempfile.TemporaryDirectory())
        fault = (
            f"^`data_dir` must hold the images of '{name}', which `--download` fetches, or "
            f"`prepare_data --task={name} --manual_dir=FOLDER` takes from {_ARCHIVES[name]} of "
            f"the .*. Received: data_dir='{folder}', without {folder}/{name}/[0-9.]*$"
        )
        with self.assertRaisesRegex(DataNotFoundError, fault):
            get_task(name).load("train", data_dir=folder)


class RegistryTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        # What a test registers must not be known to the others.
        self.enter_context(mock.patch.dict(registry._TASKS))

    def test_registered_task_is_found_by_its_name(self):
        spec = numbered_task("aaa")
        registry.register_task(spec)
        self.assertIs(get_task("aaa"), spec)
        self.assertEqual(registry.task_names(), ["aaa", *sorted(_STANDARD)])

    def test_taken_name_is_refused_and_keeps_its_task(self):
        before = get_task("digits")
        with self.assertRaisesRegex(ValueError, "`spec` must .* Received: name='digits'"):
            registry.register_task(numbered_task("digits"))
        self.assertIs(get_task("digits"), before)

    def test_only_specs_are_registered(self):
        with self.assertRaisesRegex(TypeError, "`spec` must be a TaskSpec. Received: spec="):
            registry.register_task("digits")

    def test_unknown_name_lists_the_known_ones(self):
        known = ", ".join(registry.task_names())
        with self.assertRaisesRegex(ValueError, f"one of {known}. Received: name='digit'"):
            get_task("digit")
