import gc
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from pipelines import DataSettings, OwnTask
from pipelines.augmentation import crop_boxes, crop_draws
from pipelines.streams import batches_in_order
from tests.pipelines.own_images import damage, photograph, write_photographs
from tests.pipelines.test_decoded_images import own_memory

_TURNED = 6  # The EXIF orientation of an image to be turned to the right by a quarter.


class _TestCase(tf.test.TestCase, parameterized.TestCase):
    def _folder(self):
        return pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))


class IndexedImagesTest(_TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder = write_photographs(folder / "images", {"a": 13, "b": 9, "c": 4})
        damage(cls.folder / "b" / "003.jpg")

    def _spec(self, **options):
        options = {"image_size": (16, 24)} | options
        return OwnTask("mine", folder=self.folder, **options).to_spec("skip")

    def _same(self, first, second, steps):
        pairs = list(zip(first.take(steps), second.take(steps), strict=True))
        self.assertNotEmpty(pairs)
        for (images, labels), (others, their_labels) in pairs:
            self.assertAllEqual(images, others)
            self.assertAllEqual(labels, their_labels)

    @parameterized.parameters(
        {"fit": "crop"}, {"fit": "stretch", "channels": 1, "image_size": 20, "jitter": 0.4}
    )
    def test_streams_are_those_of_images_in_memory(self, **options):
        in_memory, as_needed = (DataSettings(decode=of) for of in ("memory", "as_needed"))
        spec, other = self._spec(**options), self._spec(**options)
        self._same(
            in_memory.task_batches(spec, 7, seed=3), as_needed.task_batches(other, 7, seed=3), 6
        )
        for told in ("training_images", "image_checksums"):
            self.assertEqual(getattr(in_memory, told)([spec]), getattr(as_needed, told)([other]))
        for split in ("train", "validation", "test"):
            self._same(
                in_memory.split_batches(spec, split, 4), as_needed.split_batches(other, split, 4), 9
            )
        self.assertAllEqual(in_memory.sample_images(spec, 2), as_needed.sample_images(other, 2))

    def test_specs_are_those_of_images_in_memory(self):
        in_memory, as_needed = (DataSettings(decode=of) for of in ("memory", "as_needed"))
        for read in (
            lambda of: of.task_batches(self._spec(), 7, 3),
            lambda of: of.split_batches(self._spec(), "test", 7),
        ):
            first, second = read(in_memory), read(as_needed)
            self.assertEqual(first.element_spec, second.element_spec)
            self.assertEqual(first.cardinality(), second.cardinality())

    @parameterized.parameters(1, 4, 11)
    def test_a_resumed_stream_goes_on_where_the_whole_one_was(self, start_step):
        spec = self._spec(augment="resized", jitter=0.3)
        settings = DataSettings(decode="as_needed")
        whole = settings.task_batches(spec, 5, seed=1).skip(start_step)
        self._same(whole, settings.task_batches(spec, 5, 1, start_step), 4)

    def test_a_file_that_changes_is_named(self):
        folder = write_photographs(self._folder(), {"a": 2, "b": 2})
        spec = OwnTask("mine", folder=folder, image_size=8, test_share=0.5).to_spec()
        images = spec.source.read_as_needed("train", 0)
        (folder / "a" / "000.jpg").write_bytes(b"")
        (folder / "a" / "001.jpg").write_bytes(b"")
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "jpg must be as it was when"):
            list(batches_in_order(images, 2))


class CropsTest(_TestCase):
    """Of photographs whose colours say where a pixel was."""

    @parameterized.parameters((1, "jpg"), (_TURNED, "jpg"), (1, "png"))
    def test_crops_are_parts_of_the_whole_photograph(self, orientation, suffix):
        folder = self._folder()
        image = photograph(1200, 900)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = np.rot90(image) if orientation == _TURNED else image
        for name in "ab":
            (folder / name).mkdir()
            for number in range(2):
                path = folder / name / f"{number}.{suffix}"
                Image.fromarray(stored).save(path, quality=95, exif=exif)
        spec = OwnTask("mine", folder=folder, image_size=(24, 36), test_share=0.5).to_spec()
        images = spec.source.read_as_needed("train", 0)
        draws = crop_draws(8, (3, 4), 0.1)
        crops, labels = images.take_crops(tf.constant([0, 1] * 4), draws)
        self.assertAllEqual(labels, [0, 1] * 4)
        for crop, (top, left, bottom, right) in zip(
            crops.numpy().astype(float), crop_boxes(draws.numpy(), (24, 36), 1200, 900), strict=True
        ):
            # Pixels show their own middle.
            red, green = ((np.arange(of) + 0.5) / of * 255 for of in (36, 24))
            red, green = left * 255 + red * (right - left), top * 255 + green * (bottom - top)
            self.assertAllClose(crop[..., 0], np.tile(red, (24, 1)), rtol=0, atol=4)
            self.assertAllClose(crop[..., 1], np.tile(green[:, None], (1, 36)), rtol=0, atol=4)

    def test_a_stream_draws_them_of_every_image_and_evaluation_none(self):
        folder = write_photographs(self._folder(), {"a": 10, "b": 10})
        spec = OwnTask("mine", folder=folder, image_size=8, augment="resized", flip=False).to_spec()
        settings = DataSettings(decode="memory", validation_share=0)
        self.assertEqual(settings.training_images([spec]), {"mine": 16})
        (images, _), *_ = settings.task_batches(spec, 64, seed=0).take(1)
        corners = images[:, 0, 0, :2].numpy().astype(float)
        self.assertGreater(len(np.unique(corners, axis=0)), 55)
        # A whole image begins at its corner: at most 70 of 150 pixels are cut off on a side.
        (images, _), *_ = settings.split_batches(spec, "train")
        self.assertAllLess(images[:, 0, 0].numpy().min(axis=-1), 20)


class MemoryTest(_TestCase):
    def test_images_are_not_held(self):
        folder, count = self._folder(), 320
        for name in "ab":
            (folder / name).mkdir()
            for number in range(count // 2):
                image = Image.new("RGB", (256, 256), (number, 0, 0))
                image.save(folder / name / f"{number:03}.png")
        task = OwnTask("mine", folder=folder, image_size=256, augment="resized", test_share=0.01)
        spec = task.to_spec()
        settings = DataSettings(decode="as_needed", validation_share=0)
        list(settings.task_batches(spec, 8, seed=0).take(2))
        before = own_memory()
        seen = []
        for images, _ in settings.task_batches(spec, 8, seed=0).take(80):
            seen += images[:, 0, 0, 0].numpy().tolist()
        gc.collect()
        self.assertGreater(len(set(seen)), 150)
        # 640 images of 192 KB, or 126 MB, were read.
        self.assertLess(own_memory() - before, 25e6)
