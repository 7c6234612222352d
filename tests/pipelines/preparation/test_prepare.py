"""What is prepared is, byte by byte, what the official builders prepare."""

import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines.preparation import prepare as prepare_module
from pipelines.preparation.cifar100_classes import COARSE_LABELS
from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.preparation.prepare import prepare
from pipelines.registry import get_task
from tests.pipelines.preparation import official_files as files

_TARS = {
    ("cifar10", "binary"): files.cifar10_binary,
    ("cifar10", "python"): files.cifar10_python,
    ("cifar100", "binary"): files.cifar100_binary,
    ("cifar100", "python"): files.cifar100_python,
    ("stl10", "binary"): files.stl10_binary,
}


class PrepareTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.ours, self.theirs = self.root / "ours", self.root / "theirs"

    def _prepare(self, name, path, **arguments):
        prepared = prepare(files.tiny_set(name), path, data_dir=self.ours, **arguments)
        self.assertEqual({path.name for path in self.ours.iterdir()}, {name})
        return prepared

    def _assert_same(self, name, prepared, official):
        mine, theirs = files.contents(prepared.folder), files.contents(official)
        self.assertEqual(list(mine), list(theirs))
        for file, content in theirs.items():
            self.assertEqual(mine[file], content, file)
        self.assertEqual(prepared.folder.relative_to(self.ours), official.relative_to(self.theirs))
        self.assertEqual(prepared.counts, files.tiny_set(name).counts)

    @parameterized.parameters(*_TARS)
    def test_archives(self, name, kind):
        archive = files.tar_gz(self.root / "any name", _TARS[name, kind]().items())
        members = _TARS[name, "binary"]()
        extracted = files.write_folder(self.root / "extracted", members)
        official = files.run_official(name, lambda _: str(extracted), self.theirs)
        self._assert_same(name, self._prepare(name, archive), official)

    def test_idx_files(self):
        folder = files.write_folder(self.root / "idx", files.idx_files(), ".gz")
        extracted = files.write_folder(self.root / "extracted", files.idx_files())
        pick = {"train_data": "train-images-idx3", "train_labels": "train-labels-idx1"}
        pick |= {"test_data": "t10k-images-idx3", "test_labels": "t10k-labels-idx1"}
        paths = {key: str(extracted / f"{name}-ubyte") for key, name in pick.items()}
        module = "tensorflow_datasets.image_classification.mnist"
        with (
            mock.patch(f"{module}._TRAIN_EXAMPLES", 10),
            mock.patch(f"{module}._TEST_EXAMPLES", 4),
        ):
            official = files.run_official("mnist", lambda _: paths, self.theirs)
        self._assert_same("mnist", self._prepare("mnist", folder, check_digest=False), official)

    def test_mat_files(self):
        folder = files.svhn_folder(self.root / "mat")
        paths = {split: str(folder / f"{split}_32x32.mat") for split in ("train", "test", "extra")}
        official = files.run_official("svhn_cropped", lambda _: paths, self.theirs)
        prepared = self._prepare("svhn_cropped", folder, check_digest=False)
        self._assert_same("svhn_cropped", prepared, official)

    def test_mat_files_without_extra(self):
        folder = files.svhn_folder(self.root / "mat", ["train", "test"])
        prepared = self._prepare("svhn_cropped", folder, check_digest=False)
        self.assertEqual(prepared.counts, {"train": 10, "test": 4})

    @parameterized.parameters("cifar10", "cifar100", "stl10", "mnist", "svhn_cropped")
    def test_npz_holds_the_same_records(self, name):
        arrays = files.keras_arrays(name)
        arrays["y_train"] = arrays["y_train"][:, np.newaxis]
        np.savez(self.root / "keras.npz", **arrays)
        mine = self._prepare(name, self.root / "keras.npz")
        if name == "mnist":
            folder = files.write_folder(self.root / "idx", files.idx_files())
        elif name == "svhn_cropped":
            folder = files.svhn_folder(self.root / "mat")
        else:
            coarse = {"coarse_of": lambda of: np.array(COARSE_LABELS)[of]}
            members = _TARS[name, "binary"](**(coarse if name == "cifar100" else {}))
            folder = files.tar_gz(self.root / "archive", members.items())
        other = prepare(files.tiny_set(name), folder, self.root / "other", check_digest=False)
        for split in ("train", "test"):
            record = f"{name}-{split}.tfrecord-00000-of-00001"
            content = (other.folder / record).read_bytes()
            self.assertEqual((mine.folder / record).read_bytes(), content)

    def test_grey_npz_may_leave_out_the_channel(self):
        arrays = files.keras_arrays("fashion_mnist")
        arrays |= {key: arrays[key][..., 0] for key in ("x_train", "x_test")}
        np.savez(self.root / "keras.npz", **arrays)
        self._prepare("fashion_mnist", self.root / "keras.npz")
        builder = tfds.builder("fashion_mnist", data_dir=self.ours)
        self.assertEqual(builder.info.features["label"].names[9], "Ankle boot")

    def test_npz_gives_the_official_class_names(self):
        np.savez(self.root / "keras.npz", **files.keras_arrays("cifar100"))
        self._prepare("cifar100", self.root / "keras.npz")
        features = tfds.builder("cifar100", data_dir=self.ours).info.features
        self.assertEqual(features["label"].names[99], "worm")
        self.assertEqual(features["coarse_label"].names[13], "non-insect_invertebrates")

    def test_sources_load_it(self):
        archive = files.tar_gz(self.root / "archive", files.cifar10_binary().items())
        self._prepare("cifar10", archive)
        loaded = get_task("cifar10").source.load("test", data_dir=self.ours)
        images, labels = files.real_images("cifar10", "test")
        received = [(image.tobytes(), int(of)) for image, of in loaded.dataset.as_numpy_iterator()]
        expected = [(image.tobytes(), of) for image, of in zip(images, labels, strict=True)]
        self.assertCountEqual(received, expected)

    def test_what_is_there_is_left_as_it_is(self):
        archive = files.tar_gz(self.root / "archive", files.cifar10_binary().items())
        self._prepare("cifar10", archive)
        with mock.patch.object(prepare_module, "detect") as detect:
            self.assertTrue(self._prepare("cifar10", self.root / "another").was_there)
        detect.assert_not_called()

    def test_unfinished_data_is_refused(self):
        (self.ours / "cifar10" / "3.0.2").mkdir(parents=True)
        with self.assertRaisesRegex(ValueError, r"remove .*ours/cifar10/3.0.2. Received: data_dir"):
            prepare(files.tiny_set("cifar10"), "unused", self.ours)

    def test_damaged_data_is_refused(self):
        folder = self.ours / "cifar10" / "3.0.2"
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("{")
        with self.assertRaisesRegex(ValueError, "must hold an undamaged 'cifar10' or none"):
            prepare(files.tiny_set("cifar10"), "unused", self.ours)


class OfficialSetsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*OFFICIAL_SETS)
    def test_tasks_have_the_shapes_and_classes_of_the_table(self, name):
        spec, official = get_task(name), OFFICIAL_SETS[name]
        self.assertEqual(spec.image_shape, official.image_shape)
        self.assertEqual(spec.num_classes, official.num_classes)

    def test_every_superclass_has_five_classes(self):
        self.assertEqual(np.bincount(COARSE_LABELS).tolist(), [5] * 20)
        # apple, bicycle and worm.
        self.assertEqual([COARSE_LABELS[of] for of in (0, 8, 99)], [4, 18, 13])


if __name__ == "__main__":
    tf.test.main()
