import dataclasses
import gc
import json
import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines import DataNotFoundError, DataSettings, get_task, split_images
from pipelines.sources.file_index import FileIndex
from tests.pipelines.numbered_source import NumberedSource, numbered_task, numbers
from tests.pipelines.own_images import damage, write_class, write_classes

_METADATA = {"help", "kind", "low", "high", "above", "choices", "per_task", "is_list", "optional"}
_METADATA |= {"paper", "resume"}


def _tasks():
    return [
        numbered_task("long", num_train=30, num_test=11),
        numbered_task("short", num_train=10, num_test=4),
    ]


def _white_images(size):
    white = np.full((50, size, size, 1), 255, np.uint8)
    return tf.data.Dataset.from_tensor_slices((white, np.zeros(50, np.int32)))


class _CountingSource(NumberedSource):
    """Counts how often an image is read."""

    def __init__(self, num_train):
        super().__init__(num_train, num_test=1)
        self.reads = 0

    def load(self, *args, **kwargs):
        def count(image):
            self.reads += 1
            return image

        def read(image, label):
            counted = tf.numpy_function(count, [image], tf.uint8)
            return tf.ensure_shape(counted, image.shape), label

        return super().load(*args, **kwargs).map(read)


class SettingsTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_setting_says_what_it_is(self):
        for field in dataclasses.fields(DataSettings):
            self.assertContainsSubset({"help", "kind"}, field.metadata)
            self.assertContainsSubset(field.metadata, _METADATA)
            self.assertRegex(field.metadata["help"], r"^[A-Z].*\.$")

    def test_they_are_the_same_after_json(self):
        settings = DataSettings(
            tasks=["digits", "a:npz=/b"],
            batch_size={"digits": 3, "a": np.int64(5)},
            validation_share=np.float32(0.25),
            data_dir=pathlib.Path("/data"),
            crop_pad=np.int32(2),
        )
        again = DataSettings(**json.loads(json.dumps(dataclasses.asdict(settings))))
        self.assertEqual(again, settings)

    @parameterized.parameters(
        ({"tasks": ()}, "a tuple of str, not empty"),
        ({"tasks": "digits"}, "a tuple of str"),
        ({"tasks": ("digits", 3)}, "a tuple of str"),
        ({"tasks": ("digits", "digits")}, "each once"),
        ({"tasks": ("pad=1",)}, "options behind the task"),
        ({"on_corrupt_image": "guess"}, "one of error, skip"),
        ({"data_dir": 3}, "a str"),
        ({"download": "no"}, "a bool"),
        ({"download": None}, "a bool"),
        ({"batch_size": 0}, "an integer >= 1, or one per task"),
        ({"batch_size": True}, "an integer >= 1"),
        ({"batch_size": 8.0}, "an integer >= 1"),
        ({"batch_size": {"digits": 0}}, "an integer >= 1"),
        ({"batch_size": {}}, "an integer >= 1"),
        ({"task_weights": "cube"}, "one of equal, sqrt, proportional"),
        ({"task_weights": 2.0}, "one of equal, sqrt, proportional"),
        ({"task_weights": {"digits": 0.0}}, "a number > 0"),
        ({"task_weights": {"digits": float("inf")}}, "a number > 0"),
        ({"class_weights": "sqrt"}, "one of none, balanced"),
        ({"validation_share": 0.6}, "a number >= 0.0 and <= 0.5"),
        ({"validation_share": float("nan")}, "a number >= 0.0 and <= 0.5"),
        ({"crop_pad": -1}, "an integer >= 0"),
        ({"decode": "later"}, "one of auto, memory, as_needed"),
        ({"index_dir": 3}, "a str"),
        ({"eval_batch_size": 0}, "an integer >= 1"),
    )
    def test_other_values_are_refused(self, values, expected):
        (name,) = values
        with self.assertRaisesRegex(
            ValueError, f"^`{name}` must .*{expected}.*Received: "
        ) as caught:
            DataSettings(**values)
        self.assertLen(str(caught.exception).splitlines(), 1)

    def test_specs_are_those_of_the_tasks(self):
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_classes(folder, {"one": 5, "two": 5})
        tasks = ("digits", f"mine:folder={folder}", "image_size=8")
        digits, mine = DataSettings(tasks=tasks).task_specs()
        self.assertIs(digits, get_task("digits"))
        self.assertEqual((mine.name, mine.image_shape), ("mine", (8, 8, 3)))


class BatchSizesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (32, "equal", 32, 32),
        ({"long": 4, "short": 9}, "equal", 4, 9),
        (100, {"long": 1, "short": 3.0}, 50, 150),
        # 30 and 10 images.
        (100, "proportional", 150, 50),
        (100, "sqrt", 127, 73),
    )
    def test_sizes(self, batch_size, task_weights, long, short):
        settings = DataSettings(
            batch_size=batch_size, task_weights=task_weights, validation_share=0
        )
        self.assertEqual(settings.batch_sizes(_tasks()), {"long": long, "short": short})

    @parameterized.parameters(
        ({"batch_size": {"long": 4}}, "`batch_size` must give one number for each of long, short"),
        ({"batch_size": {"long": 4, "short": 4, "other": 4}}, "and for no other"),
        ({"task_weights": {"long": 4}}, "`task_weights` must give one number for each of long"),
        (
            {"batch_size": {"long": 4, "short": 4}, "task_weights": "sqrt"},
            "`batch_size` must be one number where",
        ),
    )
    def test_settings_that_do_not_go_together_are_refused(self, values, fault):
        with self.assertRaisesRegex(ValueError, f"{fault}.* Received: "):
            DataSettings(**values).batch_sizes(_tasks())


class BatchesTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_task_has_its_batch_size(self):
        settings = DataSettings(batch_size={"long": 6, "short": 2})
        dataset = settings.training_batches(_tasks(), seed=0)
        sizes = {name: images.shape[0] for name, (images, _) in dataset.element_spec.items()}
        self.assertEqual(sizes, {"long": 6, "short": 2})
        self.assertEqual(dataset.cardinality(), tf.data.INFINITE_CARDINALITY)

    def test_tasks_run_as_they_would_alone_and_differ(self):
        tasks = [numbered_task("one", pad=1, flip=True), numbered_task("two")]
        settings = DataSettings(batch_size=10)
        together = list(settings.training_batches(tasks, seed=3, start_step=2).take(4))
        for spec in tasks:
            alone = settings.task_batches(spec, 10, seed=3).skip(2).take(4)
            for batch, (images, labels) in zip(together, alone, strict=True):
                self.assertAllEqual(batch[spec.name][0], images)
                self.assertAllEqual(batch[spec.name][1], labels)
        first, second = (numbers(together[0][name][0]) for name in ("one", "two"))
        self.assertNotEqual(first, second)

    def test_validation_images_are_left_out(self):
        settings = DataSettings(validation_share=0.3)
        seen = set()
        for images, _ in settings.task_batches(numbered_task(), 14, seed=0).take(3):
            seen.update(numbers(images))
        (images, _), *_ = settings.split_batches(numbered_task(), "validation")
        self.assertLen(numbers(images), 6)
        self.assertEqual(seen, set(range(20)) - set(numbers(images)))

    @parameterized.parameters(
        (None, None, 32 // 8), (None, 2, 2), (3, None, 3), (3, 2, 2), (3, 0, 0), (0, None, 0)
    )
    def test_pad_of_the_crop(self, setting, own, expected):
        spec = dataclasses.replace(
            numbered_task(),
            image_size=32,
            pad=own,
            source=mock.Mock(spec=["load"], load=lambda *args, **kwargs: _white_images(32)),
        )
        (images, _), *_ = DataSettings(crop_pad=setting).task_batches(spec, 600, 0).take(1)
        # How far the border of black reaches into an image, at its widest: as far as the pad.
        widest = [np.sum(np.max(images, axis=axis) == 0, axis=1).max() for axis in (1, 2)]
        self.assertEqual(widest, [expected] * 2)

    def test_pad_must_be_below_the_size(self):
        spec = dataclasses.replace(numbered_task(), pad=None)
        with self.assertRaisesRegex(ValueError, "`crop_pad` must be below the 4 .*crop_pad=4"):
            DataSettings(crop_pad=4).task_batches(spec, 2, 0)

    def test_evaluation_batches(self):
        dataset = DataSettings(eval_batch_size=4).evaluation_batches(_tasks(), "test")
        sizes = [{name: len(images) for name, (images, _) in batch.items()} for batch in dataset]
        expected = [{"long": 4, "short": 4}, {"long": 4, "short": 0}, {"long": 3, "short": 0}]
        self.assertEqual(sizes, expected)

    @parameterized.parameters((None, [4, 3]), (5, [5, 2]))
    def test_batches_of_a_split(self, batch_size, expected):
        settings = DataSettings(eval_batch_size=4)
        batches = settings.split_batches(numbered_task(), "test", batch_size)
        self.assertEqual([len(labels) for _, labels in batches], expected)

    @parameterized.parameters(0, 2)
    def test_none_or_repeated_tasks_are_refused(self, times):
        specs = [numbered_task()] * times
        for call in (
            lambda: DataSettings().training_batches(specs, seed=0),
            lambda: DataSettings().evaluation_batches(specs, "test"),
        ):
            with self.assertRaisesRegex(ValueError, "`specs` must .* Received: specs="):
                call()

    @parameterized.parameters(False, True)
    def test_an_image_is_decoded_once_for_all_passes(self, on_disk):
        settings = DataSettings(
            validation_share=0.5, cache_dir=self.get_temp_dir() if on_disk else None
        )
        for batches in (
            lambda spec: settings.split_batches(spec, "validation", 2),
            lambda spec: settings.task_batches(spec, 3, seed=0).take(4),
        ):
            source = _CountingSource(num_train=10)
            dataset = batches(dataclasses.replace(numbered_task(), source=source))
            for _ in range(3):
                list(dataset)
            # Two classes of five, each rounded to the even.
            self.assertIn(source.reads, (4, 6))

    def test_those_who_read_a_split_share_it(self):
        source = _CountingSource(num_train=10)
        spec = dataclasses.replace(numbered_task(), source=source)
        held = DataSettings(validation_share=0).split_batches(spec, "train", 2)
        again = DataSettings(validation_share=0, batch_size=3).split_batches(spec, "train", 5)
        self.assertEqual([len(list(held)), len(list(again)), source.reads], [5, 2, 10])
        # Others are read anew, and so is what nobody held.
        DataSettings(validation_share=0.2).split_batches(spec, "train")
        self.assertEqual(source.reads, 18)
        del held, again
        gc.collect()
        DataSettings(validation_share=0).split_batches(spec, "train")
        self.assertEqual(source.reads, 28)


class FoldersTest(tf.test.TestCase, parameterized.TestCase):
    """When the images of a folder are decoded."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        write_classes(self.folder / "images", {"one": 20, "two": 20})
        self.decode = self.enter_context(
            mock.patch.object(split_images, "decode_images", wraps=split_images.decode_images)
        )

    def _settings(self, **values):
        options = values.pop("options", ())
        tasks = (f"mine:folder={self.folder / 'images'}", "image_size=8", *options)
        return DataSettings(tasks=tasks, **values)

    def _are_decoded_at_once(self, settings, split="train"):
        (spec,) = settings.task_specs()
        before = self.decode.call_count
        if split == "train":
            settings.task_batches(spec, 4, seed=0)
        else:
            settings.split_batches(spec, split)
        return self.decode.call_count > before

    @parameterized.parameters(
        # 40 images of 8 x 8 x 3 bytes.
        ({}, 2 * 7680, True),
        ({}, 2 * 7680 - 1, False),
        ({"decode": "memory"}, 7680, True),
        ({"decode": "as_needed"}, 10**9, False),
        ({"cache_dir": "."}, 7680, True),
        ({"cache_dir": ".", "decode": "as_needed"}, 10**9, False),
    )
    def test_all_at_once_or_as_needed(self, values, available, at_once):
        with mock.patch.object(split_images, "available_memory", return_value=available):
            for split in ("train", "test"):
                self.assertIs(self._are_decoded_at_once(self._settings(**values), split), at_once)

    @parameterized.parameters("auto", "memory")
    def test_crops_of_photographs_are_always_read_as_needed(self, decode):
        settings = self._settings(decode=decode, options=("augment=resized",))
        self.assertFalse(self._are_decoded_at_once(settings))
        self.assertTrue(self._are_decoded_at_once(settings, "validation"))

    def test_what_was_found_out_is_kept_for_later_starts(self):
        settings = self._settings(decode="as_needed", index_dir=self.folder / "run" / "indexes")
        specs = settings.task_specs()
        settings.save_indexes(specs)
        self.assertFalse((self.folder / "run").exists())  # Nothing was found out yet.
        counts = settings.training_images(specs)
        settings.save_indexes([*specs, numbered_task()])
        (file,) = (self.folder / "run" / "indexes").iterdir()
        self.assertRegex(file.name, r"^mine-[0-9a-f]{8}\.npz$")
        with mock.patch.object(FileIndex, "examine", side_effect=AssertionError):
            self.assertEqual(settings.training_images(settings.task_specs()), counts)
        write_class(self.folder / "images", "six", 1)
        with self.assertRaisesRegex(DataNotFoundError, "'mine': `folder` must hold the files that"):
            settings.task_specs()
        # Images elsewhere are of an index of their own.
        (self.folder / "images").rename(self.folder / "moved")
        tasks = (f"mine:folder={self.folder / 'moved'}", "image_size=8")
        (spec,) = dataclasses.replace(settings, tasks=tasks).task_specs()
        self.assertEqual(spec.num_classes, 3)

    @parameterized.parameters("memory", "as_needed")
    def test_images_of_the_same_file_names_are_told_apart(self, decode):
        settings = self._settings(decode=decode)
        (known,) = settings.image_checksums(settings.task_specs()).values()
        self.assertEqual(known, *settings.image_checksums(settings.task_specs()).values())
        one, two = (self.folder / "images" / name for name in ("one", "two"))
        for number in range(20):  # The classes change places.
            name = f"{number:02}.png"
            (one / name).rename(self.folder / name)
            (two / name).rename(one / name)
            (self.folder / name).rename(two / name)
        self.assertNotEqual(known, *settings.image_checksums(settings.task_specs()).values())

    def test_an_image_that_changes_behind_its_index_is_one_line(self):
        settings = self._settings(decode="as_needed")
        specs = settings.task_specs()
        settings.image_checksums(specs)
        for path in (self.folder / "images" / "one").iterdir():
            path.write_bytes(path.read_bytes()[:-30])
        with self.assertRaisesRegex(ValueError, r"one/\d+.png must be as it was [^\n]*$"):
            settings.image_checksums(specs)

    @parameterized.parameters(("skip", True), ("error", False))
    def test_an_index_with_damaged_files_serves_who_leaves_them_out(self, rule, serves):
        path = self.folder / "images" / "one" / "00.png"
        content = path.read_bytes()
        damage(path)
        values = {"decode": "as_needed", "index_dir": self.folder / "run"}
        settings = self._settings(**values, on_corrupt_image="skip")
        specs = settings.task_specs()
        with self.assertLogs("pipelines", "WARNING"):
            counts = settings.training_images(specs)
        settings.save_indexes(specs)
        path.write_bytes(content)
        settings = self._settings(**values, on_corrupt_image=rule)
        again = settings.training_images(settings.task_specs())
        self.assertEqual(again == counts, serves)

    @parameterized.parameters("/dev/null/x", "s3://bucket/indexes", "file")
    def test_an_index_that_cannot_be_written_is_refused_before_images_are_looked_at(self, place):
        (self.folder / "file").touch()
        place = str(self.folder / place) if place == "file" else place
        settings = self._settings(decode="as_needed", index_dir=place)
        fault = f"^`index_dir` must be a folder .* Received: index_dir={place}$"
        with self.assertRaisesRegex(ValueError, fault):
            settings.task_specs()


class SplitsTest(tf.test.TestCase, parameterized.TestCase):
    def test_settings_reach_the_source(self):
        source = mock.Mock(spec=["load"])
        source.load.return_value = numbered_task().load("test")
        spec = dataclasses.replace(numbered_task(), source=source)
        settings = DataSettings(data_dir="folder", validation_share=0.25, download=True)
        settings.split_batches(spec, "validation")
        source.load.assert_called_once_with(
            "validation", data_dir="folder", validation_share=0.25, download=True
        )

    def test_training_images(self):
        counts = DataSettings(validation_share=0.2).training_images(_tasks())
        self.assertEqual(counts, {"long": 24, "short": 8})

    @parameterized.parameters((0.0, [4, 3, 0]), (0.5, [2, 1, 0]))
    def test_class_counts(self, share, expected):
        source = _CountingSource(num_train=7)
        task = dataclasses.replace(numbered_task(), source=source, num_classes=3)
        settings = DataSettings(validation_share=share)
        held = settings.training_batches([task], seed=0)
        reads = source.reads
        self.assertEqual(settings.class_counts([task]), {"numbered": expected})
        self.assertEqual(source.reads, reads)  # Those that the batches hold.
        del held

    @parameterized.parameters((0.5, 3, 3), (0.5, 99, 6), (0.0, 99, 4))
    def test_a_sample_is_of_images_that_training_does_not_see(self, share, count, expected):
        spec = numbered_task(num_train=12, num_test=4)
        settings = DataSettings(validation_share=share)
        sample = numbers(settings.sample_images(spec, count))
        self.assertLen(sample, expected)
        split = "validation" if share else "test"
        unseen = np.concatenate(
            [numbers(images) for images, _ in settings.split_batches(spec, split)]
        )
        self.assertContainsSubset(sample, unseen)
