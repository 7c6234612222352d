import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines import DataNotFoundError, get_task, prepare_official
from pipelines.registry import OFFICIAL_TASKS
from pipelines.tiny_imagenet import TinyImagenet
from tests.pipelines import official_files as files


def _loaded(name, split, data_dir, **arguments):
    """Returns pairs of an image's bytes and its label."""
    dataset = get_task(name).source.load(split, data_dir, validation_share=0, **arguments)
    return [(image.tobytes(), int(label)) for image, label in dataset.as_numpy_iterator()]


class _Case(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.manual, self.data_dir = self.root / "manual", self.root / "data"
        # Whatever asks the network fails.
        refused = OSError("the network was asked")
        for method in ("get", "request"):
            self.enter_context(mock.patch(f"requests.Session.{method}", side_effect=refused))

    def _assert_refused(self, pattern, name, error=ValueError):
        """Asserts a one-line error, after which nothing is there."""
        with self.assertRaisesRegex(error, f"{pattern}.*Received: ") as caught:
            prepare_official(name, self.manual, self.data_dir)
        self.assertLen(str(caught.exception).splitlines(), 1)
        left = [path for path in self.data_dir.rglob("*") if path.is_file()]
        self.assertEmpty(left)
        self.assertEmpty(list(self.data_dir.glob(".*")))


class OfficialArchivesTest(_Case):
    @parameterized.parameters("cifar10", "svhn_cropped")
    def test_images_and_labels(self, name):
        with files.official_archives(name, self.manual):
            prepared = prepare_official(name, self.manual, self.data_dir)
        for split in ("train", "test"):
            images, labels = files.images_and_labels(32, split)
            expected = [
                (image.tobytes(), label) for image, label in zip(images, labels, strict=True)
            ]
            self.assertCountEqual(_loaded(name, split, self.data_dir), expected)
            self.assertEqual(prepared.counts[split], files.NUM_IMAGES[split])
        self.assertFalse(prepared.was_there)
        self.assertEqual(prepared.folder.parent, self.data_dir / name)
        # Nothing that was unpacked is left.
        self.assertEqual([path.name for path in self.data_dir.iterdir()], [name])

    def test_what_is_there_is_left_as_it_is(self):
        with files.official_archives("cifar10", self.manual):
            prepare_official("cifar10", self.manual, self.data_dir)
        again = prepare_official("cifar10", self.root / "nowhere", self.data_dir)
        self.assertTrue(again.was_there)
        self.assertEqual(again.counts, {"train": 10, "test": 4})

    @parameterized.parameters(*OFFICIAL_TASKS)
    def test_missing_archives_are_named_and_not_fetched(self, name):
        builder = get_task(name).source.builder(self.data_dir)
        names = [info.filename for info in (builder.url_infos or {}).values()]
        names = ", ".join(sorted(names)) or "tiny-imagenet-200.zip"
        pattern = f"`manual_dir` must hold {names}. Received: manual_dir={self.manual}"
        with self.assertRaisesRegex(DataNotFoundError, f"^{pattern}$"):
            prepare_official(name, self.manual, self.data_dir)
        self.assertFalse(self.data_dir.exists())

    def test_one_missing_archive_is_named(self):
        with files.official_archives("svhn_cropped", self.manual):
            (self.manual / "extra_32x32.mat").unlink()
            pattern = "`manual_dir` must hold extra_32x32.mat."
            self._assert_refused(pattern, "svhn_cropped", DataNotFoundError)

    @parameterized.parameters("cut", "changed")
    def test_another_archive_than_the_official_one(self, kind):
        with files.official_archives("cifar10", self.manual):
            path = self.manual / "cifar-10-binary.tar.gz"
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content[:-9] if kind == "cut" else content)
            pattern = {
                "cut": "official cifar-10-binary.tar.gz, of ",
                "changed": "undamaged archives",
            }
            self._assert_refused(pattern[kind], "cifar10")

    def test_an_interrupted_preparation_leaves_nothing_that_looks_whole(self):
        class Stopped(BaseException):
            pass

        generate = tfds.builder_cls("cifar10")._generate_examples

        def stop_in_test(self, split, *arguments):
            for number, example in generate(self, split, *arguments):
                if (split, number) == ("test_", 2):
                    raise Stopped
                yield number, example

        with files.official_archives("cifar10", self.manual):
            cls = tfds.builder_cls("cifar10")
            with mock.patch.object(cls, "_generate_examples", stop_in_test):
                with self.assertRaises(Stopped):
                    prepare_official("cifar10", self.manual, self.data_dir)
            with self.assertRaises(DataNotFoundError):
                _loaded("cifar10", "train", self.data_dir)
            prepare_official("cifar10", self.manual, self.data_dir)
        self.assertLen(_loaded("cifar10", "train", self.data_dir), 10)

    def test_an_unfinished_data_set_is_refused(self):
        with files.official_archives("cifar10", self.manual):
            (self.data_dir / "cifar10" / "3.0.2").mkdir(parents=True)
            self._assert_refused("hold no unfinished 'cifar10'; remove .*3.0.2", "cifar10")

    def test_a_folder_that_cannot_be_written(self):
        self.data_dir.write_text("a file")
        with files.official_archives("cifar10", self.manual):
            self._assert_refused("be a folder with room that can be written", "cifar10")

    def test_an_unknown_name(self):
        self._assert_refused("`name` must be one of mnist, .*tiny_imagenet", "digits")


class TinyImagenetTest(_Case):
    def setUp(self):
        super().setUp()
        small = {"NUM_CLASSES": 3, "NUM_IMAGES": {"train": 6, "test": 3}}
        self.enter_context(mock.patch.multiple(TinyImagenet, **small))
        self.files = files.tiny_imagenet()

    def _write(self, as_zip=False, folder=None):
        files.write_tiny_imagenet(folder or self.manual, self.files, as_zip)

    def _expected(self, split):
        """Pairs of pixels, as colour, and label, by the layout of the files."""
        if split == "train":
            names = sorted(name for name in self.files if name.startswith("train/"))
            labels = [files.WNIDS.index(name.split("/")[1]) for name in names]
        else:
            names = [f"val/images/val_{number}.JPEG" for number in range(3)]
            labels = [2, 0, 1]  # n02, n03 and n01, as annotated.
        images = [tf.io.decode_jpeg(self.files[name], channels=3).numpy() for name in names]
        return [(image.tobytes(), label) for image, label in zip(images, labels, strict=True)]

    @parameterized.parameters(True, False)
    def test_images_and_labels(self, as_zip):
        self._write(as_zip)
        prepared = prepare_official("tiny_imagenet", self.manual, self.data_dir)
        self.assertEqual(prepared.counts, {"train": 6, "test": 3})
        self.assertEqual([path.name for path in self.data_dir.iterdir()], ["tiny_imagenet"])
        for split in ("train", "test"):
            loaded = _loaded("tiny_imagenet", split, self.data_dir)
            self.assertCountEqual(loaded, self._expected(split))

    def test_files_are_kept_byte_by_byte(self):
        self._write()
        prepare_official("tiny_imagenet", self.manual, self.data_dir)
        builder = tfds.builder("tiny_imagenet", data_dir=self.data_dir)
        dataset = builder.as_dataset("train", decoders={"image": tfds.decode.SkipDecoding()})
        images = [example["image"] for example in dataset.as_numpy_iterator()]
        expected = [content for name, content in self.files.items() if name.startswith("train/")]
        self.assertCountEqual(images, expected)
        self.assertEqual(builder.info.features["label"].names, files.WNIDS)

    def test_download_takes_what_lies_in_the_manual_folder(self):
        self._write(folder=self.data_dir / "downloads" / "manual")
        loaded = _loaded("tiny_imagenet", "test", self.data_dir, download=True)
        self.assertCountEqual(loaded, self._expected("test"))

    def test_download_without_it_says_what_to_do(self):
        fault = (
            "`prepare_data --task=tiny_imagenet --manual_dir=FOLDER`.*; download failed: "
            "downloads/manual must hold tiny-imagenet-200.zip or tiny-imagenet-200. Received: "
        )
        with self.assertRaisesRegex(DataNotFoundError, fault):
            _loaded("tiny_imagenet", "test", self.data_dir, download=True)

    @parameterized.parameters(
        ("wnids.txt", b"n03\nn01\n", "have 3 different classes. Received: 2 in 2 lines"),
        ("wnids.txt", b"n03\nn01\nn01\n", "have 3 different classes. Received: 2 in 3 lines"),
        ("wnids.txt", b"n03\nn01\nn04\n", r"hold train/n04/images/\*.JPEG"),
        ("wnids.txt", b"\xff", "text in UTF-8"),
        ("wnids.txt", None, "be there"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn01\nval_1.JPEG\tn09\n", "line 2 of .*'n09'"),
        ("val/val_annotations.txt", b"val_9.JPEG\tn01\n", "line 1 of .*'val_9.JPEG'"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn01\n" * 2, "line 2 of .* once"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn01\n", "have 3 test images. Received: 1"),
        ("train/n01/images/n01_2.JPEG", None, "have 6 train images. Received: 5"),
        ("train/n01/images/n01_2.JPEG", b"GIF89a", "n01_2.JPEG must be a whole JPEG file"),
        ("train/n01/images/n01_2.JPEG", 0.7, "n01_2.JPEG must be a whole JPEG file"),
        ("val/images/val_1.JPEG", (64, 63, 3), "val_1.JPEG must be an image of"),
    )
    def test_damaged_files_are_refused(self, name, content, pattern):
        if content is None:
            del self.files[name]
        elif isinstance(content, float):
            self.files[name] = self.files[name][: int(content * len(self.files[name]))]
        elif isinstance(content, tuple):
            self.files[name] = tf.io.encode_jpeg(np.zeros(content, np.uint8)).numpy()
        else:
            self.files[name] = content
        self._write()
        with self.assertRaisesRegex(ValueError, "Received: ") as caught:
            prepare_official("tiny_imagenet", self.manual, self.data_dir)
        self.assertRegex(str(caught.exception), pattern)
        self.assertLen(str(caught.exception).splitlines(), 1)
        self.assertFalse((self.data_dir / "tiny_imagenet" / "1.0.0").exists())

    def test_a_cut_archive(self):
        self._write(as_zip=True)
        path = self.manual / "tiny-imagenet-200.zip"
        path.write_bytes(path.read_bytes()[:-100])
        self._assert_refused("undamaged archives of 'tiny_imagenet'", "tiny_imagenet")
