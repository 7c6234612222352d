import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.tfds_source import TfdsSource

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


def _pairs(split):
    return [(int(image[0, 0, 0]), int(label)) for image, label in split.dataset]


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
        self.assertEqual(loaded.num_examples, count)

    @parameterized.parameters((0.01, 1), (0.1, 2), (0.25, 5), (0.5, 10))
    def test_train_and_validation_are_disjoint_and_exhaustive(self, share, held_out):
        train, validation = self._load("train", share), self._load("validation", share)
        together = _pairs(train) + _pairs(validation)
        self.assertEqual(sorted(together), [(i, i % 2) for i in range(_NUM_TRAIN)])
        self.assertEqual(validation.num_examples, held_out)

    def test_order_is_the_same_every_time(self):
        self.assertEqual(_pairs(self._load("train")), _pairs(self._load("train")))

    def test_types(self):
        expected = (tf.TensorSpec((4, 4, 3), tf.uint8), tf.TensorSpec((), tf.int32))
        self.assertEqual(self._load("train").dataset.element_spec, expected)

    def test_environment_names_the_default_folder(self):
        with mock.patch.dict("os.environ", TFDS_DATA_DIR=self.prepared):
            self.assertEqual(_source().load("test").num_examples, _NUM_TEST)

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

    def _assert_refused(self, part):
        with self.assertRaises(DataNotFoundError) as caught:
            _source().load("train", data_dir=self.root)
        message = str(caught.exception)
        self.assertStartsWith(message, "`data_dir` must hold undamaged images of ")
        self.assertIn(part, message)
        self.assertLessEqual(len(message.splitlines()), 3)
        self.assertEndsWith(message, f"Received: data_dir={self.root!r}")

    @parameterized.parameters("", "{", "{}", "images")
    def test_description(self, text):
        (self.folder / "dataset_info.json").write_text(text)
        self._assert_refused(str(self.folder.parent))

    def test_missing_file(self):
        self.shard.unlink()
        self._assert_refused(f"{self.shard.name} is missing")

    @parameterized.parameters(0, 100, -1)
    def test_cut_file(self, size):
        self.shard.write_bytes(self.shard.read_bytes()[:size])
        self._assert_refused("the files of 'train' are cut off")

    def test_missing_split(self):
        splits = tfds.builder("numbered_images", data_dir=self.root).info.splits
        only_test = tfds.core.splits.SplitDict([splits["test"]])
        with mock.patch.object(tfds.core.DatasetInfo, "splits", only_test):
            self._assert_refused("there is no split 'train'")


class AbsentTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.enter_context(tempfile.TemporaryDirectory())

    def _message(self, **arguments):
        with self.assertRaises(DataNotFoundError) as caught:
            _source().load("train", data_dir=self.root, **arguments)
        return str(caught.exception)

    def test_message_says_what_to_do(self):
        expected = (
            "`data_dir` must hold the images of 'numbered_images', prepared by tfds in "
            f"{self.root}/numbered_images/1.0.0.\n"
            "`--download` with network access fetches them from the page of numbered images.\n"
            f"Received: data_dir={self.root!r}"
        )
        self.assertEqual(self._message(), expected)

    def _instructive(self, **arguments):
        source = TfdsSource(
            "numbered_images",
            "the page of numbered images",
            files="one.zip or two.zip",
            prepare_from="two.zip",
            builder_module=arguments.pop("builder_module", None),
        )
        with self.assertRaises(DataNotFoundError) as caught:
            source.load("train", data_dir=self.root, **arguments)
        return str(caught.exception)

    def _command(self, otherwise):
        return (
            "`python tools/prepare_data.py --task=numbered_images --from=two.zip "
            f"--data_dir={self.root}` then prepares them, or `--download` where {otherwise}."
        )

    def test_message_names_the_files_and_the_command(self):
        expected = (
            "`data_dir` must hold the images of 'numbered_images', prepared by tfds in "
            f"{self.root}/numbered_images/1.0.0. Received: data_dir={self.root!r}\n"
            "Download one.zip or two.zip from the page of numbered images.\n"
            + self._command("there is network")
        )
        self.assertEqual(self._instructive(), expected)

    def test_message_of_the_default_folder_names_it(self):
        with mock.patch.dict("os.environ", TFDS_DATA_DIR=self.root):
            root, self.root = self.root, None
            message = self._instructive()
        self.assertIn(f"--data_dir={root}`", message)
        self.assertIn("Received: data_dir=None\n", message)

    def test_message_of_a_data_set_without_an_address(self):
        message = self._instructive(builder_module=__name__)
        self.assertEndsWith(message, self._command("the file lies in downloads/manual there"))

    def test_failed_download_names_the_files_and_the_command(self):
        failure = OSError("no route to host.\nmore of it")
        with mock.patch.object(NumberedImages, "download_and_prepare", side_effect=failure):
            lines = self._instructive(download=True).splitlines()
        self.assertEqual(
            lines[1],
            "Preparing them from the page of numbered images failed: no route to host. "
            "Download one.zip or two.zip from the page of numbered images.",
        )
        self.assertEqual(lines[2:], [self._command("there is network")])

    def test_builder_module_is_imported(self):
        source = TfdsSource("numbered_images", "", builder_module="no_such_module")
        with self.assertRaisesRegex(ModuleNotFoundError, "no_such_module"):
            source.load("train", data_dir=self.root)

    def test_nothing_is_downloaded_unasked(self):
        with mock.patch.object(NumberedImages, "download_and_prepare") as download:
            self._message()
        download.assert_not_called()

    def test_download_prepares_the_images(self):
        split = _source().load("test", data_dir=self.root, download=True)
        self.assertEqual(sorted(_pairs(split)), [(i, i % 2) for i in range(_NUM_TEST)])

    def test_failed_download_is_one_clear_error(self):
        failure = OSError("no route to host.\nmore of it")
        with mock.patch.object(NumberedImages, "download_and_prepare", side_effect=failure):
            message = self._message(download=True)
        self.assertIn("the page of numbered images failed: no route to host.\n", message)
        self.assertLen(message.splitlines(), 3)
