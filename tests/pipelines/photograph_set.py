"""A small tfds data set of photographs of many sizes, for tests."""

import io
from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from tests.pipelines.own_images import photograph

CLASSES = ["ant", "bee", "cow"]
COUNTS = {"train": 24, "validation": 7}


class SmallPhotographs(tfds.core.GeneratorBasedBuilder):
    """JPEG images, whose blue says which they are, with a mask that is not wanted."""

    VERSION = tfds.core.Version("1.0.0")
    COUNTS = COUNTS
    KEYS = ("photo", "label")
    UNLABELLED = ()  # Splits.
    DAMAGED = ()  # Numbers of images of train.

    def _info(self):
        features = {
            "file_name": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "mask": tfds.features.Image(shape=(None, None, 1)),
            "photo": tfds.features.Image(encoding_format="jpeg"),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=self.KEYS,
        )

    def _split_generators(self, dl_manager):
        del dl_manager
        return {split: self._generate_examples(split) for split in self.COUNTS}

    def _generate_examples(self, split):
        for number in range(self.COUNTS[split]):
            content = jpeg(split, number)
            if split == "train" and number in self.DAMAGED:
                content = content[:-300]
            example = {
                "file_name": f"{number}.jpg",
                "label": -1 if split in self.UNLABELLED else label_of(number),
                "mask": np.zeros((2, 3, 1), np.uint8),
                "photo": io.BytesIO(content),
            }
            yield number, example


def label_of(number):
    """Returns the label of an image, an int; classes are not of one size."""
    return (0, 0, 0, 1, 1, 2)[number % 6]


def jpeg(split, number):
    """Returns an image as it is in the data set, bytes."""
    blue = 8 * number + 3 * (split == "train")
    stream = io.BytesIO()
    image = photograph(60 + 7 * (number % 9), 150 - 8 * (number % 11), blue)
    Image.fromarray(image).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def prepare(data_dir, file_format="array_record", num_shards=2, **attributes):
    """Prepares the data set, with other attributes of its builder, which is returned."""
    with mock.patch.multiple(SmallPhotographs, **{"KEYS": SmallPhotographs.KEYS} | attributes):
        builder = SmallPhotographs(data_dir=str(data_dir))
        config = tfds.download.DownloadConfig(num_shards=num_shards)
        builder.download_and_prepare(file_format=file_format, download_config=config)
    return builder
