"""Tiny ImageNet, read from the folder that its official archive unpacks to."""

import numpy as np
import tensorflow as tf

from pipelines.sources.default_data_dir import resolve_data_dir
from pipelines.sources.split import Split, check_split
from pipelines.sources.tiny_imagenet_files import TinyImageNetFiles
from pipelines.sources.validation_carve import carve_validation


class TinyImageNetSource:
    """Images in as many classes as `wnids.txt` has lines.

    The archive has no labels for its test images, so its validation images are the test split, as
    is customary. Images are decoded as they are read.

    Args:
        image_size: int. Height and width of the images, in pixels.
        num_classes: int. A folder with another number of classes is refused.
    """

    def __init__(self, image_size, num_classes):
        self.image_size = image_size
        self.num_classes = num_classes

    def load(self, split, data_dir=None, validation_share=0.1, download=False):
        """Returns one split.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: str or path of the folder that holds `tiny-imagenet-200`.
            validation_share: float in [0, 0.5]. Share of every class held out of train.
            download: ignored: this archive is fetched by hand.

        Returns:
            `Split`, ordered by class and file name, or for test as annotated. A file that is no
            JPEG of the right size raises `tf.errors.InvalidArgumentError` when it is reached.

        Raises:
            DataNotFoundError: if the folder is missing or incomplete.
            ValueError: if an argument is out of range, or a file of the folder is damaged.
        """
        del download
        check_split(split, validation_share)
        folder = TinyImageNetFiles(resolve_data_dir(data_dir), self.num_classes, data_dir)
        paths, labels = folder.test() if split == "test" else folder.train()
        paths, labels = np.array(paths), np.array(labels, np.int32)
        if split != "test":
            train, validation = carve_validation(labels, validation_share)
            chosen = train if split == "train" else validation
            paths, labels = paths[chosen], labels[chosen]
        dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
        dataset = dataset.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
        return Split(dataset, len(labels))

    def _decode(self, path, label):
        # Some files are grey; `channels` makes them three equal channels.
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.ensure_shape(image, (self.image_size, self.image_size, 3)), label
