import os
import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines.sources import DataNotFoundError, TfdsSource
from pipelines.sources.tfds_source import resolve_data_dir

_NUM_TRAIN, _NUM_TEST = 20, 7


class NumberedImages(tfds.core.GeneratorBasedBuilder):
    """Image number i is filled with i, its label is i mod 2."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(4, 4, 3)),
                "label": tfds.features.ClassLabel(num_classes=2),
            }
        )
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {
            "train": self._generate_examples(_NUM_TRAIN),
            "test": self._generate_examples(_NUM_TEST),
        }

    def _generate_examples(self, count):
        for number in range(count):
            image = np.full((4, 4, 3), number, np.uint8)
            yield number, {"image": image, "label": number % 2}


def _source():
    return TfdsSource("numbered_images", "the page of numbered images")


def _pairs(dataset):
    return [(int(image[0, 0, 0]), int(label)) for image, label in dataset]


class PreparedTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prepared = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.prepared)
        tfds.builder("numbered_images", data_dir=cls.prepared).download_and_prepare()

    def _load(self, split, share=0.1):
        return _source().load(split, data_dir=self.prepared, validation_share=share)

    @parameterized.parameters(("train", _NUM_TRAIN), ("test", _NUM_TEST))
    def test_every_image_comes_once_with_its_label(self, split, count):
        loaded = self._load(split, share=0)
        self.assertEqual(sorted(_pairs(loaded)), [(i, i % 2) for i in range(count)])
        self.assertLen(loaded, count)

    @parameterized.parameters((0.01, 1), (0.1, 2), (0.25, 5), (0.5, 10))
    def test_train_and_validation_are_disjoint_and_exhaustive(self, share, held_out):
        train, validation = self._load("train", share), self._load("validation", share)
        together = _pairs(train) + _pairs(validation)
        self.assertEqual(sorted(together), [(i, i % 2) for i in range(_NUM_TRAIN)])
        self.assertLen(validation, held_out)

    def test_prepared_data_is_not_downloaded_again(self):
        with mock.patch.object(NumberedImages, "download_and_prepare") as download:
            _source().load("test", data_dir=self.prepared, download=True)
        download.assert_not_called()

    def test_classes_have_the_names_of_tfds(self):
        self.assertEqual(list(_source().class_names(self.prepared)), ["0", "1"])

    def test_arguments_are_checked(self):
        with self.assertRaisesRegex(ValueError, "`validation_share` must be above 0"):
            self._load("validation", 0)


class DamagedTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.enter_context(tempfile.TemporaryDirectory())
        tfds.builder("numbered_images", data_dir=self.root).download_and_prepare()
        self.folder = pathlib.Path(self.root) / "numbered_images" / "1.0.0"
        (self.shard,) = self.folder.glob("*-train.tfrecord-*")

    def _assert_refused(self, folder, problem):
        fault = (
            f"^`data_dir` must hold undamaged images of 'numbered_images'; remove {folder} and "
            f"prepare it again. Received: data_dir='{self.root}', where {problem}"
        )
        with self.assertRaisesRegex(DataNotFoundError, fault) as caught:
            _source().load("train", data_dir=self.root)
        self.assertNotIn("\n", str(caught.exception))

    @parameterized.parameters("", "{", "{}", "images")
    def test_description(self, text):
        (self.folder / "dataset_info.json").write_text(text)
        self._assert_refused(self.folder.parent, ".")

    def test_missing_file(self):
        self.shard.unlink()
        self._assert_refused(self.folder, f"{self.shard} is missing$")

    @parameterized.parameters(0, 100, -1)
    def test_cut_file(self, size):
        self.shard.write_bytes(self.shard.read_bytes()[:size])
        self._assert_refused(self.folder, "the files of 'train' are cut off$")

    def test_another_format(self):
        shutil.rmtree(self.folder)
        builder = tfds.builder("numbered_images", data_dir=self.root)
        builder.download_and_prepare(file_format="array_record")
        self._assert_refused(self.folder, "its files are of the format array_record, not tfrecord$")

    def test_missing_split(self):
        splits = tfds.builder("numbered_images", data_dir=self.root).info.splits
        only_test = tfds.core.splits.SplitDict([splits["test"]])
        with mock.patch.object(tfds.core.DatasetInfo, "splits", only_test):
            self._assert_refused(self.folder, "there is no split 'train'$")


class AbsentTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.enter_context(tempfile.TemporaryDirectory())

    def _message(self, **arguments):
        with self.assertRaises(DataNotFoundError) as caught:
            _source().load("train", data_dir=self.root, **arguments)
        return str(caught.exception)

    def test_nothing_is_downloaded_unasked(self):
        with mock.patch.object(NumberedImages, "download_and_prepare") as download:
            message = self._message()
        end = f"Received: data_dir='{self.root}', without {self.root}/numbered_images/1.0.0"
        self.assertEndsWith(message, end)
        download.assert_not_called()

    def test_message_of_the_default_folder_names_it(self):
        with mock.patch.dict(os.environ, TFDS_DATA_DIR=self.root):
            with self.assertRaisesRegex(DataNotFoundError, f"without {self.root}/numbered_images"):
                _source().load("train")

    def test_download_prepares_the_images(self):
        split = _source().load("test", data_dir=self.root, download=True)
        self.assertEqual(sorted(_pairs(split)), [(i, i % 2) for i in range(_NUM_TEST)])

    def test_failed_download_is_one_clear_error(self):
        failure = OSError("no route to host.\nmore of it")
        with mock.patch.object(NumberedImages, "download_and_prepare", side_effect=failure):
            message = self._message(download=True)
        self.assertEndsWith(message, "/1.0.0; download failed: no route to host")


class ResolveDataDirTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("/here", "/elsewhere", "/here"),
        ("~/data", None, "/home/someone/data"),
        (None, "/elsewhere", "/elsewhere"),
        (None, None, "/home/someone/tensorflow_datasets"),
    )
    def test_given_folder_then_environment_then_home(self, data_dir, of_environment, expected):
        with mock.patch.dict(os.environ, HOME="/home/someone"):
            os.environ.pop("TFDS_DATA_DIR", None)
            if of_environment:
                os.environ["TFDS_DATA_DIR"] = of_environment
            self.assertEqual(resolve_data_dir(data_dir), pathlib.Path(expected))
