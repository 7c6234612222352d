import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.preparation.prepare import prepare
from pipelines.registry import get_task
from pipelines.sources.data_not_found import DataNotFoundError
from tests.pipelines.preparation import official_files as files

_FOLDER = "tiny-imagenet-200"


def _pixels(content):
    """Returns what TensorFlow decodes, as colour."""
    return tf.io.decode_jpeg(content, channels=3).numpy()


class TinyImagenetTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tiny = {"tiny_imagenet": files.tiny_set("tiny_imagenet")}
        self.enter_context(mock.patch.dict(OFFICIAL_SETS, tiny))
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.data_dir = self.root / "data"
        self.members = files.tiny_imagenet()

    def _write(self, kind, root):
        root.mkdir(parents=True, exist_ok=True)
        if kind == "zip":
            return files.write_zip(root / f"{_FOLDER}.zip", self.members)
        return files.write_folder(root, self.members) / _FOLDER

    def _prepare(self, path):
        return prepare(OFFICIAL_SETS["tiny_imagenet"], path, self.data_dir, check_digest=False)

    def _load(self, split, **arguments):
        source = get_task("tiny_imagenet").source
        return source.load(split, self.data_dir, validation_share=0, **arguments)

    def _expected(self, split):
        """Pairs of pixels and label, by the layout of the files."""
        if split == "train":
            names = sorted(name for name in self.members if "/train/" in name)
            return [
                (_pixels(self.members[name]), files.WNIDS.index(name.split("/")[2]))
                for name in names
            ]
        labels = [2, 0, 1]  # n02, n03 and n01, as annotated.
        names = [f"{_FOLDER}/val/images/val_{number}.JPEG" for number in range(3)]
        return [(_pixels(self.members[name]), of) for name, of in zip(names, labels, strict=True)]

    def _assert_loaded(self, split, loaded):
        received = [(image.tobytes(), int(of)) for image, of in loaded.dataset.as_numpy_iterator()]
        expected = [(image.tobytes(), label) for image, label in self._expected(split)]
        self.assertCountEqual(received, expected)

    @parameterized.product(kind=["zip", "folder"], split=["train", "test"])
    def test_images_and_labels(self, kind, split):
        self._prepare(self._write(kind, self.root))
        self._assert_loaded(split, self._load(split))

    def test_archive_and_folder_give_the_same(self):
        first = files.contents(self._prepare(self._write("zip", self.root)).folder)
        self.data_dir = self.root / "other"
        self.assertEqual(
            files.contents(self._prepare(self._write("folder", self.root)).folder), first
        )

    def test_files_are_kept_byte_by_byte(self):
        self._prepare(self._write("zip", self.root))
        builder = tfds.builder("tiny_imagenet", data_dir=self.data_dir)
        decoders = {"image": tfds.decode.SkipDecoding()}
        images = [
            example["image"]
            for example in builder.as_dataset(split="train", decoders=decoders).as_numpy_iterator()
        ]
        self.assertCountEqual(
            images, [content for name, content in self.members.items() if "/train/" in name]
        )
        self.assertEqual(builder.info.features["label"].names, files.WNIDS)

    @parameterized.parameters("zip", "folder")
    def test_download_takes_what_lies_in_the_manual_folder(self, kind):
        self._write(kind, self.data_dir / "downloads" / "manual")
        self._assert_loaded("test", self._load("test", download=True))
        label = tfds.builder("tiny_imagenet", data_dir=self.data_dir).info.features["label"]
        self.assertEqual(label.names, files.WNIDS)

    @parameterized.parameters(False, True)
    def test_download_without_it_says_what_to_do(self, with_folder):
        if with_folder:
            (self.data_dir / "downloads" / "manual" / "other").mkdir(parents=True)
        with self.assertRaises(DataNotFoundError) as caught:
            self._load("test", download=True)
        message = str(caught.exception)
        self.assertLen(message.splitlines(), 3)
        self.assertIn(f"downloads/manual must hold {_FOLDER}.zip or {_FOLDER}. Received: ", message)
        self.assertIn(f"Download {_FOLDER}.zip from the Tiny ImageNet page", message)

    def test_npz(self):
        images = np.stack([image for image, _ in self._expected("train")])
        arrays = {"x_train": images, "y_train": np.array([0, 0, 1, 1, 2, 2])}
        arrays |= {"x_test": images[:3], "y_test": np.array([0, 1, 2])}
        np.savez(self.root / "keras.npz", **arrays)
        self._prepare(self.root / "keras.npz")
        loaded = list(self._load("train").dataset.as_numpy_iterator())
        self.assertCountEqual(
            [image.tobytes() for image, _ in loaded], [image.tobytes() for image in images]
        )


if __name__ == "__main__":
    tf.test.main()
