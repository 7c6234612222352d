import dataclasses
import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.augment import random_crop_and_flip
from pipelines.input_pipeline import eval_dataset, load_split, train_dataset
from pipelines.stream_seed import stream_seed
from tests.pipelines.numbered_source import NUM_CLASSES, NumberedSource, numbered_task, numbers


class _CountingSource(NumberedSource):
    """Counts how often an image is read."""

    def __init__(self, num_train):
        super().__init__(num_train, num_test=1)
        self.reads = 0

    def load(self, *args, **kwargs):
        split = super().load(*args, **kwargs)
        dataset = split.dataset.map(
            lambda image, label: (tf.ensure_shape(self._count(image), image.shape), label)
        )
        return dataclasses.replace(split, dataset=dataset)

    def _count(self, image):
        def count(image):
            self.reads += 1
            return image

        return tf.numpy_function(count, [image], tf.uint8)


def _stream(steps, spec=None, batch_size=4, seed=0, **arguments):
    """Image numbers of the first batches, a list of lists."""
    dataset = train_dataset(
        spec or numbered_task(), batch_size, seed, validation_share=0, **arguments
    )
    return [numbers(images) for images, _ in dataset.take(steps)]


class TrainDatasetTest(tf.test.TestCase, parameterized.TestCase):
    def test_batches_are_static_and_endless(self):
        dataset = train_dataset(numbered_task(), 6, seed=0)
        expected = (tf.TensorSpec((6, 4, 4, 1), tf.uint8), tf.TensorSpec((6,), tf.int32))
        self.assertEqual(dataset.element_spec, expected)
        self.assertEqual(dataset.cardinality(), tf.data.INFINITE_CARDINALITY)

    def test_labels_stay_with_their_images(self):
        for images, labels in train_dataset(numbered_task(), 8, seed=0).take(6):
            self.assertAllEqual(labels, np.array(numbers(images)) % NUM_CLASSES)

    @parameterized.parameters(4, 6, 20, 64)
    def test_every_epoch_holds_every_image_once(self, batch_size):
        epochs = 16
        batches = _stream(epochs * 20 // batch_size, batch_size=batch_size)
        order = list(itertools.chain(*batches))
        for start in range(0, len(order) - 19, 20):
            self.assertCountEqual(order[start : start + 20], range(20))

    def test_every_epoch_has_another_order(self):
        first, second = _stream(2, batch_size=20)
        self.assertNotEqual(first, second)
        self.assertNotEqual(first, sorted(first))

    def test_same_seed_gives_the_same_stream(self):
        self.assertEqual(_stream(12), _stream(12))

    @parameterized.parameters({"seed": 1}, {"seed": 2**40}, {"spec": numbered_task("another")})
    def test_seed_and_name_change_the_stream(self, **changed):
        self.assertNotEqual(_stream(12), _stream(12, **changed))

    @parameterized.parameters(1, 3, 5, 13)
    def test_resumed_stream_goes_on_where_the_whole_one_was(self, start_step):
        spec = numbered_task(pad=1, flip=True)
        whole = list(train_dataset(spec, 6, seed=5).take(start_step + 8))[start_step:]
        resumed = list(train_dataset(spec, 6, seed=5, start_step=start_step).take(8))
        self.assertAllEqual([images for images, _ in resumed], [images for images, _ in whole])
        self.assertAllEqual([labels for _, labels in resumed], [labels for _, labels in whole])

    def test_augmentation_is_seeded_by_the_step(self):
        plain = train_dataset(numbered_task(), 20, seed=5).take(3)
        seed = stream_seed(5, "numbered", "augment")
        expected = [
            random_crop_and_flip(images, (seed, step), 1, True)
            for step, (images, _) in enumerate(plain)
        ]
        augmented = train_dataset(numbered_task(pad=1, flip=True), 20, seed=5).take(3)
        self.assertAllEqual([images for images, _ in augmented], expected)

    def test_validation_images_are_left_out(self):
        dataset = train_dataset(numbered_task(), 20, seed=0, validation_share=0.3).take(10)
        seen = set(itertools.chain(*(numbers(images) for images, _ in dataset)))
        held_out = eval_dataset(numbered_task(), "validation", 20, validation_share=0.3)
        held_out = set(itertools.chain(*(numbers(images) for images, _ in held_out)))
        self.assertLen(held_out, 6)
        self.assertEqual(seen, set(range(20)) - held_out)

    @parameterized.parameters(False, True)
    def test_an_image_is_read_once(self, on_disk):
        source = _CountingSource(num_train=10)
        spec = dataclasses.replace(numbered_task(), source=source)
        cache_dir = self.get_temp_dir() if on_disk else None
        dataset = train_dataset(spec, 10, seed=0, validation_share=0, cache_dir=cache_dir)
        for _ in range(2):
            self.assertLen(list(dataset.take(5)), 5)
        self.assertEqual(source.reads, 10)

    def test_disk_and_memory_give_the_same_stream(self):
        spec = numbered_task(pad=1, flip=True)
        in_memory = train_dataset(spec, 6, seed=5).take(8)
        on_disk = train_dataset(spec, 6, seed=5, cache_dir=self.get_temp_dir()).take(8)
        for (images, labels), (other_images, other_labels) in zip(in_memory, on_disk, strict=True):
            self.assertAllEqual(images, other_images)
            self.assertAllEqual(labels, other_labels)

    def test_second_pass_repeats_the_first(self):
        dataset = train_dataset(numbered_task(pad=1, flip=True), 6, seed=5).take(8)
        first, second = ([images for images, _ in dataset] for _ in range(2))
        self.assertAllEqual(first, second)

    def test_tensorflow_seed_plays_no_part(self):
        tf.random.set_seed(1)
        first = _stream(12)
        tf.random.set_seed(2)
        self.assertEqual(_stream(12), first)

    @parameterized.parameters(
        {"batch_size": 0}, {"batch_size": 2.0}, {"start_step": -1}, {"seed": -1}
    )
    def test_bad_number_is_refused(self, **changed):
        (argument,) = changed
        arguments = {"batch_size": 4, "seed": 0, **changed}
        with self.assertRaisesRegex(ValueError, f"`{argument}` must .* Received: {argument}="):
            train_dataset(numbered_task(), **arguments)


class EvalDatasetTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3, 7, 10)
    def test_images_come_in_order_and_once(self, batch_size):
        batches = [
            numbers(images) for images, _ in eval_dataset(numbered_task(), "test", batch_size)
        ]
        expected = [list(range(7))[i : i + batch_size] for i in range(0, 7, batch_size)]
        self.assertEqual(batches, expected)

    def test_images_are_not_augmented(self):
        for images, _ in eval_dataset(numbered_task(pad=2, flip=True), "test", 7):
            self.assertAllEqual(images, np.broadcast_to(images[:, :1, :1], images.shape))

    def test_every_pass_is_the_same(self):
        dataset = eval_dataset(numbered_task(), "validation", 3, validation_share=0.5)
        first, second = ([numbers(images) for images, _ in dataset] for _ in range(2))
        self.assertEqual(first, second)

    def test_an_image_is_decoded_once_for_all_passes(self):
        source = _CountingSource(num_train=10)
        spec = dataclasses.replace(numbered_task(), source=source)
        dataset = eval_dataset(spec, "validation", 2, validation_share=0.5)
        for _ in range(3):
            self.assertLen(list(dataset), 2)
        self.assertEqual(source.reads, 4)

    def test_batch_size_must_be_positive(self):
        with self.assertRaisesRegex(ValueError, "`batch_size` must .* Received: batch_size=0"):
            eval_dataset(numbered_task(), "test", 0)


class LoadSplitTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters({"channels": 3}, {"image_size": 5})
    def test_source_of_other_images_is_refused(self, **changed):
        spec = dataclasses.replace(numbered_task(), **changed)
        with self.assertRaisesRegex(ValueError, "`spec` of 'numbered' must .* Received: received="):
            load_split(spec, "train")

    def test_arguments_reach_the_source(self):
        calls = []
        spec = numbered_task()
        split = spec.source.load("test")

        class Source:
            def load(self, *args, **kwargs):
                calls.append((args, kwargs))
                return split

        spec = dataclasses.replace(spec, source=Source())
        self.assertIs(load_split(spec, "validation", "folder", 0.25, download=True), split)
        expected = {"data_dir": "folder", "validation_share": 0.25, "download": True}
        self.assertEqual(calls, [(("validation",), expected)])
