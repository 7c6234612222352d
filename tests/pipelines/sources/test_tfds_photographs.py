import collections
import io
import pathlib
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized
from PIL import Image, ImageOps

from pipelines import DataNotFoundError, DataSettings
from pipelines.sources import TfdsPhotographs, image_index
from pipelines.sources.split import carve_validation
from pipelines.sources.tfds_index import TfdsIndex
from tests.pipelines.own_images import images_of
from tests.pipelines.photograph_set import (
    CLASSES,
    COUNTS,
    SmallPhotographs,
    jpeg,
    label_of,
    prepare,
)

_SIZE = (16, 24)
_OPTIONS = (f"image_size={_SIZE[0]}x{_SIZE[1]}",)
SPLITS = ("train", "validation", "test")


def _decoded(content):
    """The whole image, brought to its size by Pillow alone."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft(None, (48, 48))
        return np.asarray(ImageOps.fit(image, _SIZE[::-1], Image.Resampling.LANCZOS))


def _settings(data_dir, *options, **values):
    tasks = ("mine:tfds=small_photographs", *_OPTIONS, *options)
    return DataSettings(tasks=tasks, data_dir=data_dir, **{"decode": "as_needed"} | values)


class _TestCase(tf.test.TestCase, parameterized.TestCase):
    def _folder(self):
        return pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _assert_refused(self, fault, data_dir, name="small_photographs", **options):
        with self.assertRaisesRegex(DataNotFoundError, f"`tfds` must .*{fault}") as caught:
            source = TfdsPhotographs(name, _SIZE, data_dir, **options)
            source.load("train")
        self.assertNotIn("\n", str(caught.exception))
        self.assertRegex(str(caught.exception), f" Received: tfds={name}, ")


class ImagesTest(_TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data_dir = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        prepare(cls.data_dir)
        # The same, as tfds itself reads it.
        cls.as_tfrecord = prepare(cls.data_dir / "other", file_format="tfrecord")

    def _spec(self, *options, **values):
        return _settings(self.data_dir, *options, **values).task_specs()[0]

    def _in_order(self, split):
        """Pairs of the bytes and label of a split of tfds, in the order of its files."""
        decoders = {"photo": tfds.decode.SkipDecoding()}
        examples = self.as_tfrecord.as_dataset(split, decoders=decoders).as_numpy_iterator()
        return [(example["photo"], example["label"]) for example in examples]

    def test_its_classes_and_counts(self):
        spec = self._spec()
        self.assertEqual((spec.image_shape, spec.num_classes), ((*_SIZE, 3), 3))
        self.assertEqual(spec.class_names(), CLASSES)
        self.assertEqual(spec.source.num_images, sum(COUNTS.values()))

    def test_pixels_are_those_that_pillow_gives_in_the_order_of_tfds(self):
        spec = self._spec()
        pairs = self._in_order("validation")
        self.assertCountEqual(
            pairs, [(jpeg("validation", i), label_of(i)) for i in range(COUNTS["validation"])]
        )
        images, labels = images_of(spec.load("test"))  # The data set has no split `test`.
        self.assertAllEqual(labels, [label for _, label in pairs])
        self.assertAllEqual(images, np.stack([_decoded(content) for content, _ in pairs]))

    def test_validation_is_a_share_of_every_class_of_train(self):
        pairs = self._in_order("train")
        spec = self._spec()
        divided = carve_validation([label for _, label in pairs], 0.25)
        for split, rows in zip(("train", "validation"), divided, strict=True):
            images, labels = images_of(spec.load(split, None, 0.25))
            self.assertAllEqual(images, np.stack([_decoded(pairs[row][0]) for row in rows]))
            self.assertAllEqual(labels, [pairs[row][1] for row in rows])
        # Of 12, 8 and 4 images.
        self.assertEqual(collections.Counter(labels.tolist()), {0: 3, 1: 2, 2: 1})

    @parameterized.parameters((), ("augment=resized", "jitter=0.4"))
    def test_decoding_changes_no_image(self, *options):
        in_memory, as_needed = (
            _settings(self.data_dir, *options, decode=of) for of in ("memory", "as_needed")
        )
        (spec,), (other,) = in_memory.task_specs(), as_needed.task_specs()
        streams = (in_memory.task_batches(spec, 7, 3), as_needed.task_batches(other, 7, 3))
        self.assertEqual(streams[0].element_spec, streams[1].element_spec)
        for (images, labels), (others, their_labels) in zip(
            *(stream.take(6) for stream in streams), strict=True
        ):
            self.assertAllEqual(images, others)
            self.assertAllEqual(labels, their_labels)
        for split in SPLITS:
            pairs = (in_memory.split_batches(spec, split), as_needed.split_batches(other, split))
            (images, labels), (others, their_labels) = (next(iter(pair)) for pair in pairs)
            self.assertAllEqual(images, others)
            self.assertAllEqual(labels, their_labels)

    @parameterized.parameters(1, 4, 11)
    def test_a_resumed_stream_goes_on_where_the_whole_one_was(self, start_step):
        settings = _settings(self.data_dir, "augment=resized", "jitter=0.3")
        whole = settings.task_batches(*settings.task_specs(), 5, seed=1).skip(start_step).take(4)
        resumed = settings.task_batches(*settings.task_specs(), 5, 1, start_step).take(4)
        for (images, labels), (others, their_labels) in zip(whole, resumed, strict=True):
            self.assertAllEqual(images, others)
            self.assertAllEqual(labels, their_labels)

    def test_crops_are_of_the_whole_photograph(self):
        settings = _settings(self.data_dir, "augment=resized", "flip=false")
        (images, _), *_ = settings.task_batches(*settings.task_specs(), 60, seed=0).take(1)
        # Red says where on its left side a crop begins, green on its top.
        corners = images[:, 0, 0, :2].numpy()
        self.assertGreater(len(np.unique(corners, axis=0)), 50)

    @parameterized.parameters(
        ("nonesuch", "a data set that tfds knows"),
        ("numbered_images_elsewhere", "a data set that tfds knows"),
        ("mnist", "prepared in the folder of `data_dir`, .*prepare_data --tfds=mnist --manual_dir"),
    )
    def test_names_of_what_is_not_there(self, name, fault):
        self._assert_refused(fault, self.data_dir, name)


class IndexTest(_TestCase):
    def setUp(self):
        super().setUp()
        self.data_dir, self.run = self._folder(), self._folder() / "indexes"
        self.builder = prepare(self.data_dir)

    def _settings(self, **values):
        return _settings(self.data_dir, index_dir=self.run, **values)

    def _kept(self):
        """Makes the index, and returns its file and the counts of training images."""
        settings = self._settings()
        specs = settings.task_specs()
        counts = settings.training_images(specs)
        settings.save_indexes(specs)
        (file,) = self.run.iterdir()
        return file, counts

    def test_a_later_start_reads_no_image(self):
        file, counts = self._kept()
        self.assertRegex(file.name, r"^mine-[0-9a-f]{8}\.npz$")
        settings = self._settings()
        with mock.patch.object(TfdsIndex, "_fetch", side_effect=AssertionError):
            with mock.patch.object(image_index, "decoded_or_fault", side_effect=AssertionError):
                (spec,) = settings.task_specs()
                self.assertEqual(settings.training_images([spec]), counts)
                self.assertEqual(sum(settings.class_counts([spec])["mine"]), counts["mine"])
        images, labels = images_of(spec.load("test"))
        expected, their_labels = images_of(_settings(self.data_dir).task_specs()[0].load("test"))
        self.assertAllEqual(images, expected)
        self.assertAllEqual(labels, their_labels)

    @parameterized.parameters(
        ({"COUNTS": {"train": 25, "validation": 7}}, "1.0.0 with 25 train, 7 test images and"),
        ({"VERSION": tfds.core.Version("1.0.1")}, "1.0.1 with 24 train, 7 test images and"),
        ({"num_shards": 3}, "1.0.0 with 24 train, 7 test images and the checksum"),
    )
    def test_another_data_set_is_refused_until_the_index_is_removed(self, changes, received):
        file, counts = self._kept()
        self.data_dir = self._folder()
        prepare(self.data_dir, **changes)
        version = changes.get("VERSION", self.builder.version)
        self.enter_context(mock.patch.object(SmallPhotographs, "VERSION", version))
        fault = f"be small_photographs/1.0.0 with 24 train.*, as {file} lists it, .* is small_photo"
        with self.assertRaisesRegex(DataNotFoundError, f"'mine': `tfds` must {fault}") as caught:
            self._settings().task_specs()
        self.assertIn(f"but is small_photographs/{received}", str(caught.exception))
        file.unlink()
        self._settings().task_specs()

    def test_the_same_data_set_may_lie_elsewhere(self):
        _, counts = self._kept()
        self.data_dir = self._folder()
        prepare(self.data_dir)
        with mock.patch.object(TfdsIndex, "_fetch", side_effect=AssertionError):
            settings = self._settings()
            self.assertEqual(settings.training_images(settings.task_specs()), counts)


class SplitsTest(_TestCase):
    def _counts(self, counts, **attributes):
        data_dir = self._folder()
        prepare(data_dir, num_shards=1, COUNTS=counts, **attributes)
        source = TfdsPhotographs("small_photographs", _SIZE, data_dir, test_share=0.25)
        return [len(source.load(split, None, 0.25)) for split in SPLITS]

    @parameterized.parameters(
        # Classes of 12, 8 and 4 train images: validation has 3, 2 and 1 where it is carved.
        ({"train": 24, "validation": 7}, (), [18, 6, 7]),
        ({"train": 24, "test": 5}, (), [18, 6, 5]),
        ({"train": 24, "validation": 7, "test": 5}, (), [24, 7, 5]),
        ({"train": 24, "validation": 7, "test": 5}, ("test",), [18, 6, 7]),
        # Of 9, 6 and 3, a quarter is rounded to 2, 2 and 1.
        ({"train": 24}, (), [13, 5, 6]),
        ({"train": 24, "test": 5, "extra": 3}, ("test",), [13, 5, 6]),
    )
    def test_which_they_are(self, counts, unlabelled, expected):
        self.assertEqual(self._counts(counts, UNLABELLED=unlabelled), expected)


class DamagedTest(_TestCase):
    def setUp(self):
        super().setUp()
        self.data_dir = self._folder()

    def _load(self, rule, share):
        source = TfdsPhotographs("small_photographs", _SIZE, self.data_dir, on_corrupt_image=rule)
        return {
            image.tobytes() for image, _ in source.load("train", None, share).as_numpy_iterator()
        }

    def _flip_a_byte(self, builder):
        path = sorted(builder.data_path.glob("*-train.array_record-*"))[0]
        content = bytearray(path.read_bytes())
        content[5000] ^= 1  # Of an image, of which the file has some 30 KB.
        path.write_bytes(content)

    # The label of a record that cannot be read is not known either: its class is divided anew.
    @parameterized.parameters(("image", 0.1), ("record", 0))
    def test_damaged_images_are_refused_or_left_out(self, kind, share):
        builder = prepare(self.data_dir, DAMAGED=(3,) if kind == "image" else ())
        if kind == "record":
            self._flip_a_byte(builder)
        reason = "truncated" if kind == "image" else "Corrupted"
        fault = f"1 damaged: example [0-9]+ of small_photographs/1.0.0, train, .*{reason}"
        self._assert_refused(fault, self.data_dir)
        with self.assertLogs("pipelines", "WARNING") as logs:
            left = self._load("skip", share)
        self.assertRegex(logs.output[0], fault)
        self.data_dir = self._folder()
        prepare(self.data_dir)
        everything = self._load("error", share)
        self.assertContainsSubset(left, everything)
        self.assertLen(everything - left, 1)

    def test_what_is_damaged_later_is_named(self):
        builder = prepare(self.data_dir)
        settings = _settings(self.data_dir, validation_share=0)
        batches = settings.split_batches(*settings.task_specs(), "train", 24)
        self._flip_a_byte(builder)
        fault = "example [0-9]+ of small_photographs/1.0.0, train, must be readable. Received: Corr"
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, fault):
            list(batches)

    def test_a_missing_file(self):
        builder = prepare(self.data_dir)
        path = next(builder.data_path.glob("*-validation.array_record-*"))
        path.unlink()
        self._assert_refused(f"have all its files, but {path} is missing", self.data_dir)

    def test_another_format(self):
        prepare(self.data_dir, file_format="tfrecord")
        fault = (
            "be prepared as array_record, as `prepare_data --tfds=small_photographs .* does, but "
            "is prepared as tfrecord"
        )
        self._assert_refused(fault, self.data_dir)

    @parameterized.parameters(
        ({"COUNTS": {"test": 7}}, "have a split train, but has test"),
        ({"KEYS": ("mask", "photo")}, "have an Image and a ClassLabel .* has .*'photo'. among fil"),
        ({"KEYS": None}, "have an Image and a ClassLabel as its supervised keys, but has none"),
    )
    def test_other_data(self, attributes, fault):
        self.enter_context(mock.patch.multiple(SmallPhotographs, **attributes))
        prepare(self.data_dir)
        self._assert_refused(fault, self.data_dir)

    def test_an_unreadable_description(self):
        builder = prepare(self.data_dir)
        (builder.data_path / "dataset_info.json").write_text("{")
        self._assert_refused("prepared and undamaged", self.data_dir)

    def test_it_is_prepared_where_it_may_be_downloaded(self):
        source = TfdsPhotographs("small_photographs", _SIZE, self.data_dir, download=True)
        self.assertEqual(source.num_images, 31)


class OpenFilesTest(_TestCase):
    def test_the_limit_is_lifted_by_the_files_that_stay_open(self):
        resource = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft // 2, hard))
        data_dir = self._folder()
        prepare(data_dir)
        TfdsPhotographs("small_photographs", _SIZE, data_dir)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (soft // 2 + 4, hard))
