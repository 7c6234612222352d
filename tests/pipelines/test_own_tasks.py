import dataclasses
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines import DataNotFoundError, OwnTask, get_task, parse_tasks, tasks_from_items
from tests.pipelines.own_images import damage, images_of, write_classes


class OwnTaskTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_classes(self.folder / "mine", {"one": 5, "two": 5, "zero": 5})
        self.file = self.folder / "mine.npz"
        images = np.zeros((24, 16, 16), np.uint8)
        np.savez(self.file, x_train=images, y_train=np.arange(24) % 4)

    def test_a_folder(self):
        spec = OwnTask("mine", folder=self.folder / "mine", image_size=24).to_spec()
        self.assertEqual((spec.name, spec.image_shape, spec.num_classes), ("mine", (24, 24, 3), 3))
        self.assertEqual((spec.flip, spec.pad), (True, None))
        self.assertEqual(spec.class_names(), ["one", "two", "zero"])
        self.assertIn(str(self.folder), spec.description)

    def test_an_npz_file(self):
        spec = OwnTask("mine", npz=self.file).to_spec()
        self.assertEqual((spec.image_shape, spec.num_classes), ((16, 16, 1), 4))

    def test_options(self):
        task = OwnTask(
            "mine", npz=self.file, image_size=8, channels=3, flip=False, pad=0, test_share=0.5
        )
        spec = task.to_spec()
        self.assertEqual((spec.image_shape, spec.flip, spec.pad), ((8, 8, 3), False, 0))
        self.assertEqual((spec.augment, spec.crop_area, spec.jitter), ("crop", 0.08, 0.0))
        task = dataclasses.replace(
            task, image_size=(8, 10), pad=None, augment="resized", crop_area=0.5, jitter=0.2
        )
        spec = task.to_spec()
        self.assertEqual(spec.image_shape, (8, 10, 3))
        self.assertEqual((spec.augment, spec.crop_area, spec.jitter), ("resized", 0.5, 0.2))
        self.assertEqual(len(spec.load("test")), 12)

    @parameterized.parameters(("crop", 255), ("stretch", 0))
    def test_fit_reaches_the_images(self, fit, corner):
        # White in the middle, black bars beside it.
        images = np.zeros((4, 8, 24), np.uint8)
        images[:, :, 8:16] = 255
        np.savez(self.file, x_train=images, y_train=[0, 0, 1, 1])
        spec = OwnTask("mine", npz=self.file, image_size=8, fit=fit).to_spec()
        image, _ = next(iter(spec.load("train")))
        self.assertNear(float(image[4, 0, 0]), corner, 40)

    @parameterized.parameters("error", "skip")
    def test_the_rule_for_damaged_files_reaches_the_source(self, rule):
        damage(self.folder / "mine" / "one" / "00.png")
        task = OwnTask("mine", folder=self.folder / "mine", image_size=8, test_share=0.4)
        spec = task.to_spec(rule)
        if rule == "error":
            with self.assertRaises(DataNotFoundError):
                spec.load("train", validation_share=0)
        else:
            with self.assertLogs("pipelines", "WARNING"):
                train = len(spec.load("train", validation_share=0))
            self.assertEqual(train + len(spec.load("test")), 14)

    def test_another_rule_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`on_corrupt_image` must be one of error, skip"):
            OwnTask("mine", npz=self.file).to_spec("guess")

    @parameterized.parameters(
        ({"name": "Mine"}, "`name` must be lower-case"),
        ({"npz": "a.npz"}, "`folder`, `npz` or `tfds` must be given, one of them"),
        ({"tfds": "photos"}, "`folder`, `npz` or `tfds` must be given, one of them"),
        ({"folder": None}, "`folder`, `npz` or `tfds` must be given, one of them"),
        ({"folder": None, "tfds": "site:photos"}, "`tfds` must be NAME, NAME/CONFIG or NAME:VERS"),
        ({"folder": None, "tfds": "a", "image_size": None}, "`image_size` must be given with `tfd"),
        ({"image_size": None}, "`image_size` must be given with `folder`"),
        ({"image_size": 0}, "`image_size` must be an integer >= 1"),
        ({"image_size": (8, 0)}, "`image_size` must be an integer >= 1"),
        ({"image_size": (8, 9, 3)}, "`image_size` must be an integer >= 1, or height and width"),
        ({"image_size": (9, 8), "pad": 8}, "`pad` must be an integer >= 0 and below 8"),
        ({"pad": 2, "augment": "resized"}, "`pad` must be left out with augment=resized"),
        ({"augment": "zoom"}, "`augment` must be crop or resized"),
        ({"crop_area": 0.0}, "`crop_area` must be above 0 and at most 1"),
        ({"jitter": 1.1}, "`jitter` must be from 0 to 1"),
        ({"jitter": float("nan")}, "`jitter` must be from 0 to 1"),
        ({"channels": 4}, "`channels` must be 1 or 3"),
        ({"pad": -1}, "`pad` must be an integer >= 0 and below 8"),
        ({"pad": 8}, "`pad` must be an integer >= 0 and below 8"),
        ({"fit": "zoom"}, "`fit` must be crop or stretch"),
        ({"test_share": 0.0}, "`test_share` must be above 0 and at most 0.5"),
        ({"test_share": float("nan")}, "`test_share` must be above 0 and at most 0.5"),
    )
    def test_arguments_are_checked_before_anything_is_read(self, changes, fault):
        arguments = {"name": "mine", "folder": "/nowhere", "image_size": 8} | changes
        with self.assertRaisesRegex(ValueError, f"{fault}.*Received: "):
            OwnTask(**arguments)


class KnownTaskTest(tf.test.TestCase, parameterized.TestCase):
    """Only where the images come from is new."""

    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "a.npz"

    def _write(self, shape=(32, 32, 3), num_classes=10):
        labels = np.arange(3 * num_classes) % num_classes
        pixels = np.random.default_rng(0).integers(0, 256, (3 * num_classes, *shape), np.uint8)
        # As Keras stores CIFAR-10.
        arrays = {"x_train": pixels, "y_train": labels[:, None], "x_test": pixels[::-1]}
        np.savez(self.file, **arrays, y_test=labels[::-1, None])
        return pixels, labels

    @parameterized.parameters(
        ("cifar10", (32, 32, 3), 10),
        ("fashion_mnist", (28, 28), 10),
        ("cifar100", (32, 32, 3), 100),
        ("digits", (8, 8, 1), 10),
    )
    def test_an_npz_file_under_its_name(self, name, shape, num_classes):
        pixels, labels = self._write(shape, num_classes)
        known, spec = get_task(name), OwnTask(name, npz=self.file).to_spec()
        for of in ("name", "image_shape", "num_classes", "flip", "pad", "classes"):
            self.assertEqual(getattr(spec, of), getattr(known, of))
        images, received = images_of(spec.load("test"))
        self.assertAllEqual(images.reshape(len(labels), *shape), pixels[::-1])
        self.assertAllEqual(received, labels[::-1])
        train, validation = (len(spec.load(split, None, 0.3)) for split in ("train", "validation"))
        self.assertEqual((train, validation), (2 * num_classes, num_classes))

    def test_augmentation_may_differ(self):
        self._write()
        spec = OwnTask("cifar10", npz=self.file, flip=False, pad=1).to_spec()
        self.assertEqual((spec.flip, spec.pad), (False, 1))

    @parameterized.parameters(((28, 28, 3), 10), ((32, 32), 10), ((32, 32, 3), 9))
    def test_other_arrays_are_refused(self, shape, num_classes):
        self._write(shape, num_classes)
        fault = (
            r"`npz` must hold images of \(32, 32, 3\) in 10 classes, as 'cifar10' has. Received:"
        )
        with self.assertRaisesRegex(DataNotFoundError, fault):
            OwnTask("cifar10", npz=self.file).to_spec()

    @parameterized.parameters(
        ({"image_size": 48}, "`image_size` must be left out, as 'cifar10' is a known task"),
        ({"channels": 1}, "`channels` must be left out, as 'cifar10' is a known task"),
        ({"npz": None, "folder": "/a"}, "`folder` must be None for the name of a known task"),
        ({"npz": None, "tfds": "stl10"}, "`tfds` must be None for the name of a known task"),
        ({"pad": 32}, "`pad` must be an integer >= 0 and below 32"),
    )
    def test_options_that_would_change_the_task_are_refused(self, changes, fault):
        with self.assertRaisesRegex(ValueError, f"{fault}.*Received: "):
            OwnTask("cifar10", **({"npz": "/a.npz"} | changes))


class ParseTasksTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (
            ["digits", "birds:folder=/a", "image_size=48", "mnist", "cats:npz=/b.npz"],
            [
                "digits",
                OwnTask("birds", folder="/a", image_size=48),
                "mnist",
                OwnTask("cats", npz="/b.npz"),
            ],
        ),
        (
            ["a:folder=/a", "image_size=9", "channels=1", "flip=False", "pad=2"]
            + ["fit=stretch", "test_share=0.3"],
            [OwnTask("a", "/a", None, None, 9, 1, False, 2, "stretch", 0.3)],
        ),
        (
            ["a:folder=/a", "image_size=32x64", "augment=resized", "crop_area=0.3", "jitter=0.4"],
            [OwnTask("a", "/a", image_size=(32, 64), augment="resized", crop_area=0.3, jitter=0.4)],
        ),
        (["a:folder=/a", "image_size=32X32"], [OwnTask("a", "/a", image_size=32)]),
        (["a:image_size=9", "folder=C:/x=1"], [OwnTask("a", "C:/x=1", image_size=9)]),
        (["a:npz=/x=1:2/b, c"], [OwnTask("a", npz="/x=1:2/b, c")]),
        (
            ["a:tfds=photos/small:1.0.0", "image_size=8", "jitter=0.1", "fit=stretch"],
            [OwnTask("a", tfds="photos/small:1.0.0", image_size=8, jitter=0.1, fit="stretch")],
        ),
        (["cifar10:npz=/a", "pad=2"], [OwnTask("cifar10", npz="/a", pad=2)]),
    )
    def test_items(self, items, expected):
        self.assertEqual(parse_tasks(items), expected)

    @parameterized.parameters(
        (["image_size=48"], "options behind the task they belong to"),
        (["digits", "image_size=48"], "options behind the task they belong to"),
        (["birds:folder"], "a value for every option"),
        (["birds:"], "a value for every option"),
        (["birds:folder="], "a value for `folder` of 'birds'"),
        (["birds:npz=/a", "size=48"], "options of folder, npz, tfds, image_size"),
        (["birds:npz=/a", "pad=1", "pad=2"], "give `pad` of 'birds' once"),
        (["birds:npz=/a", "pad=x"], "an integer for `pad`"),
        (["birds:npz=/a", "image_size=3x"], "an integer or HEIGHTxWIDTH for `image_size`"),
        (["birds:npz=/a", "image_size=3x4x5"], "an integer or HEIGHTxWIDTH for `image_size`"),
        (["birds:npz=/a", "flip=maybe"], "true or false for `flip`"),
        (["birds:npz=/a", "test_share=x"], "a number for `test_share`"),
        (["birds:npz=/a", "test_share=0.9"], "valid for 'birds': `test_share` must"),
        (["birds:image_size=8"], "valid for 'birds': `folder`, `npz` or `tfds` must"),
        (["Birds:npz=/a"], "valid for 'Birds': `name` must be lower-case"),
        (["birds:npz=/a", "birds:npz=/b"], "each once"),
        (["digits", "digits:npz=/a"], "each once"),
        (["cifar10:folder=/a", "image_size=8"], "valid for 'cifar10': `folder` must be None"),
        ([], "at least one task"),
    )
    def test_other_items_are_refused(self, items, fault):
        with self.assertRaisesRegex(ValueError, f"^`tasks` must .*{fault}.*Received: "):
            parse_tasks(items)

    def test_missing_images_name_the_task(self):
        fault = "^`tasks` must be valid for 'mine': `folder` must .* Received: folder=/nowhere$"
        with self.assertRaisesRegex(DataNotFoundError, fault):
            tasks_from_items(["mine:folder=/nowhere", "image_size=8"])

    def test_an_unknown_name_is_refused(self):
        with self.assertRaisesRegex(ValueError, "must be one of .*name='birds'"):
            tasks_from_items(["birds"])
