"""Tiny ImageNet as a tfds data set."""

import tensorflow_datasets as tfds

from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.preparation.refusal import refuse
from pipelines.preparation.tiny_imagenet_files import FOLDER
from pipelines.preparation.tiny_imagenet_jpegs import read_tiny_imagenet


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """Images of 64x64 pixels in 200 classes; the official validation images are the test split."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"{FOLDER}.zip, from the Tiny ImageNet page of Stanford University's CS231n course, or the "
        "folder that it unpacks to"
    )

    def _info(self):
        official = OFFICIAL_SETS["tiny_imagenet"]
        # No encoding is named, so that the official JPEG files are kept byte by byte.
        image = tfds.features.Image(shape=official.image_shape)
        label = tfds.features.ClassLabel(num_classes=official.num_classes)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        try:
            manual = dl_manager.manual_dir
        except AssertionError:  # tfds has no other way to say that it is empty.
            refuse("the folder downloads/manual", f"hold {FOLDER}.zip or {FOLDER}", "nothing there")
        there = [manual / name for name in (f"{FOLDER}.zip", FOLDER) if (manual / name).exists()]
        if not there:
            refuse(manual, f"hold {FOLDER}.zip or {FOLDER}", "neither")
        content = read_tiny_imagenet(there[0], OFFICIAL_SETS["tiny_imagenet"])
        self.info.features["label"].names = content.label_names["label"]
        return {split: self._generate_examples(of) for split, of in content.splits.items()}

    def _generate_examples(self, examples):
        yield from enumerate(examples())
