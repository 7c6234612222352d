import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import pipelines
from pipelines.own_tasks import OwnTask
from tests.pipelines.own_images import damage, write_classes


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
        self.assertEqual((spec.flip, spec.pad), (True, 3))
        self.assertIn(str(self.folder), spec.description)

    def test_an_npz_file(self):
        spec = OwnTask("mine", npz=self.file).to_spec()
        self.assertEqual((spec.image_shape, spec.num_classes, spec.pad), ((16, 16, 1), 4, 2))

    def test_options(self):
        task = OwnTask(
            "mine", npz=self.file, image_size=8, channels=3, flip=False, pad=0, test_share=0.5
        )
        spec = task.to_spec()
        self.assertEqual((spec.image_shape, spec.flip, spec.pad), ((8, 8, 3), False, 0))
        self.assertEqual(pipelines.load_split(spec, "test").num_examples, 12)

    @parameterized.parameters(("crop", 255), ("stretch", 0))
    def test_fit_reaches_the_images(self, fit, corner):
        # White in the middle, black bars beside it.
        images = np.zeros((4, 8, 24), np.uint8)
        images[:, :, 8:16] = 255
        np.savez(self.file, x_train=images, y_train=[0, 0, 1, 1])
        spec = OwnTask("mine", npz=self.file, image_size=8, fit=fit).to_spec()
        image, _ = next(iter(pipelines.load_split(spec, "train").dataset))
        self.assertNear(float(image[4, 0, 0]), corner, 40)

    @parameterized.parameters("error", "skip")
    def test_the_rule_for_damaged_files_reaches_the_source(self, rule):
        damage(self.folder / "mine" / "one" / "00.png")
        task = OwnTask("mine", folder=self.folder / "mine", image_size=8, test_share=0.4)
        spec = task.to_spec(rule)
        if rule == "error":
            with self.assertRaises(pipelines.DataNotFoundError):
                pipelines.load_split(spec, "train", validation_share=0)
        else:
            with self.assertLogs("pipelines", "WARNING"):
                train = pipelines.load_split(spec, "train", validation_share=0).num_examples
            self.assertEqual(train + pipelines.load_split(spec, "test").num_examples, 14)

    def test_another_rule_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`on_corrupt_image` must be one of error, skip"):
            OwnTask("mine", npz=self.file).to_spec("guess")

    @parameterized.parameters(
        ({"name": "Mine"}, "`name` must be lower-case"),
        ({"npz": "a.npz"}, "`folder` or `npz` must be given"),
        ({"folder": None}, "`folder` or `npz` must be given"),
        ({"image_size": None}, "`image_size` must be given with `folder`"),
        ({"image_size": 0}, "`image_size` must be an integer >= 1"),
        ({"channels": 4}, "`channels` must be 1 or 3"),
        ({"pad": -1}, "`pad` must be an integer >= 0 and below 8"),
        ({"pad": 8}, "`pad` must be an integer >= 0 and below 8"),
        ({"fit": "zoom"}, "`fit` must be crop or stretch"),
        ({"test_share": 0.0}, "`test_share` must be above 0 and at most 0.5"),
        ({"test_share": 0.6}, "`test_share` must be above 0 and at most 0.5"),
        ({"test_share": float("nan")}, "`test_share` must be above 0 and at most 0.5"),
    )
    def test_arguments_are_checked_before_anything_is_read(self, changes, fault):
        arguments = {"name": "mine", "folder": "/nowhere", "image_size": 8} | changes
        with self.assertRaisesRegex(ValueError, f"{fault}.*Received: "):
            OwnTask(**arguments)


if __name__ == "__main__":
    tf.test.main()
