import dataclasses
import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.augmentation import random_crop_and_flip
from pipelines.decoded_images import decode_images
from pipelines.streams import (
    batches_in_order,
    divide_batch,
    index_batches,
    side_by_side,
    stream_seed,
    training_stream,
)
from tests.pipelines.numbered_source import NUM_CLASSES, numbered_task, numbers


def _decoded(spec, split="train"):
    return decode_images(spec.load(split, validation_share=0), spec)


def _stream(spec=None, batch_size=4, seed=0, start_step=0):
    spec = spec or numbered_task()
    return training_stream(spec, _decoded(spec), batch_size, seed, start_step)


def _numbers(steps, *arguments, **keywords):
    """Image numbers of the first batches, a list of lists."""
    return [numbers(images) for images, _ in _stream(*arguments, **keywords).take(steps)]


class TrainingStreamTest(tf.test.TestCase, parameterized.TestCase):
    def test_batches_are_static_and_endless(self):
        dataset = _stream(batch_size=6)
        expected = (tf.TensorSpec((6, 4, 4, 1), tf.uint8), tf.TensorSpec((6,), tf.int32))
        self.assertEqual(dataset.element_spec, expected)
        self.assertEqual(dataset.cardinality(), tf.data.INFINITE_CARDINALITY)

    def test_labels_stay_with_their_images(self):
        for images, labels in _stream(batch_size=8).take(6):
            self.assertAllEqual(labels, np.array(numbers(images)) % NUM_CLASSES)

    def test_the_same_images_as_ever(self):
        # What runs of earlier versions were trained on.
        expected = [[9, 11, 1, 15, 4, 14], [12, 10, 17, 19, 8, 3]]
        self.assertEqual(_numbers(2, batch_size=6, seed=1), expected)

    @parameterized.parameters({"seed": 1}, {"seed": 2**40}, {"spec": numbered_task("another")})
    def test_seed_and_name_change_the_stream(self, **changed):
        self.assertNotEqual(_numbers(12), _numbers(12, **changed))

    def test_numpys_integers_are_integers(self):
        changed = {"batch_size": np.int64(5), "seed": np.uint8(3), "start_step": np.int32(7)}
        plain = {name: int(value) for name, value in changed.items()}
        spec = dataclasses.replace(numbered_task(), image_size=np.int64(4), pad=np.int64(0))
        self.assertEqual(_numbers(3, spec, **changed), _numbers(3, **plain))

    def test_tensorflow_seed_plays_no_part(self):
        tf.random.set_seed(1)
        first = _numbers(12)
        tf.random.set_seed(2)
        self.assertEqual(_numbers(12), first)

    @parameterized.parameters(1, 3, 13)
    def test_resumed_stream_goes_on_where_the_whole_one_was(self, start_step):
        spec = numbered_task(pad=1, flip=True)
        whole = list(_stream(spec, 6, seed=5).take(start_step + 8))[start_step:]
        resumed = list(_stream(spec, 6, seed=5, start_step=start_step).take(8))
        self.assertAllEqual([images for images, _ in resumed], [images for images, _ in whole])
        self.assertAllEqual([labels for _, labels in resumed], [labels for _, labels in whole])

    def test_augmentation_is_seeded_by_the_step(self):
        seed = stream_seed(5, "numbered", "augment")
        expected = [
            random_crop_and_flip(images, (seed, step), 1, True)
            for step, (images, _) in enumerate(_stream(batch_size=20, seed=5).take(3))
        ]
        augmented = _stream(numbered_task(pad=1, flip=True), 20, seed=5).take(3)
        self.assertAllEqual([images for images, _ in augmented], expected)

    @parameterized.parameters({"augment": "resized"}, {"jitter": 0.5})
    def test_other_augmentation_is_of_the_same_images_and_seeded_by_the_step(self, **changed):
        spec = dataclasses.replace(numbered_task(), **changed)
        plain, first, late = (
            list(stream.take(6))
            for stream in (_stream(seed=5), _stream(spec, seed=5), _stream(spec, 4, 5, 2))
        )
        self.assertAllEqual([of for _, of in plain], [of for _, of in first])
        for (images, _), (resumed, _) in zip(first[2:], late[:-2], strict=True):
            self.assertAllEqual(images, resumed)
        before, after = (
            np.concatenate([numbers(images) for images, _ in of]) for of in (plain, first)
        )
        if spec.jitter:
            # An image of one grey is as bright as brightness makes it.
            self.assertAllClose(after, before, atol=0.51, rtol=0.5)
            factors = after[before > 9] / before[before > 9]
            self.assertGreater(len(np.unique(factors.round(1))), 4)
        else:  # Any part of an image of one grey is that grey.
            self.assertAllEqual(after, before)

    @parameterized.parameters(
        {"batch_size": 0}, {"batch_size": 2.0}, {"start_step": -1}, {"seed": -1}, {"seed": True}
    )
    def test_bad_number_is_refused(self, **changed):
        (argument,) = changed
        with self.assertRaisesRegex(ValueError, f"`{argument}` must .* Received: {argument}="):
            _stream(**changed)


class BatchesInOrderTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3, 7, 10)
    def test_images_come_in_order_and_once_in_every_pass(self, batch_size):
        dataset = batches_in_order(_decoded(numbered_task(), "test"), batch_size)
        expected = [list(range(7))[i : i + batch_size] for i in range(0, 7, batch_size)]
        for _ in range(2):
            self.assertEqual([numbers(images) for images, _ in dataset], expected)

    def test_images_are_not_augmented(self):
        for images, _ in batches_in_order(_decoded(numbered_task(pad=2, flip=True), "test"), 7):
            self.assertAllEqual(images, np.broadcast_to(images[:, :1, :1], images.shape))

    def test_batch_size_must_be_positive(self):
        with self.assertRaisesRegex(ValueError, "`batch_size` must .* Received: batch_size=0"):
            batches_in_order(_decoded(numbered_task()), 0)


class SideBySideTest(tf.test.TestCase, parameterized.TestCase):
    def _joined(self, batch_size):
        sizes = {"long": 11, "short": 4}
        images = {
            name: _decoded(numbered_task(num_test=size), "test") for name, size in sizes.items()
        }
        return side_by_side({name: batches_in_order(of, batch_size) for name, of in images.items()})

    # One batch, a remainder in one and both, exact multiples, single images.
    @parameterized.parameters(1, 2, 4, 11, 50)
    def test_every_image_comes_once_and_in_order(self, batch_size):
        dataset = self._joined(batch_size)
        batches = list(dataset)
        self.assertLen(batches, -(-11 // batch_size))
        self.assertEqual(dataset.cardinality(), len(batches))
        for name, size in (("long", 11), ("short", 4)):
            found = [numbers(batch[name][0]) for batch in batches]
            self.assertEqual(list(itertools.chain(*found)), list(range(size)))
            labels = np.concatenate([batch[name][1] for batch in batches])
            self.assertAllEqual(labels, np.arange(size) % NUM_CLASSES)

    def test_ended_task_gives_empty_batches(self):
        shapes = [
            (images.shape, labels.shape)
            for images, labels in (batch["short"] for batch in self._joined(3))
        ]
        empty = ((0, 4, 4, 1), (0,))
        self.assertEqual(shapes, [((3, 4, 4, 1), (3,)), ((1, 4, 4, 1), (1,)), empty, empty])

    def test_batch_dimension_is_dynamic(self):
        expected = (tf.TensorSpec((None, 4, 4, 1), tf.uint8), tf.TensorSpec((None,), tf.int32))
        self.assertEqual(self._joined(3).element_spec, {"long": expected, "short": expected})


class StreamSeedTest(tf.test.TestCase, parameterized.TestCase):
    def test_it_stays_the_same_in_every_process(self):
        # The CRC-32 of "1/digits/shuffle", worked out bit by bit, without its highest bit.
        self.assertEqual(stream_seed(1, "digits", "shuffle"), 1015722909)

    @parameterized.parameters((2, "a", "x"), (1, "b", "x"), (1, "a", "y"))
    def test_every_argument_changes_it(self, seed, task, purpose):
        self.assertNotEqual(stream_seed(seed, task, purpose), stream_seed(1, "a", "x"))


class DivideBatchTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (100, {"a": 3, "b": 1}, {"a": 75, "b": 25}),
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),
        # 5.5, 2.9 and 1.6: two are left over, for .9 and .6.
        (10, {"a": 55, "b": 29, "c": 16}, {"a": 5, "b": 3, "c": 2}),
        # The smallest is lifted to one image, which the largest pays.
        (10, {"a": 1000, "b": 999, "c": 1}, {"a": 5, "b": 4, "c": 1}),
        (3, {"a": 1e9, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}),
        (7, {"a": 0.001}, {"a": 7}),
    )
    def test_sizes(self, total, weights, expected):
        self.assertEqual(divide_batch(total, weights), expected)

    @parameterized.product(total=(5, 64, 97), small=(0.001, 0.3, 2.0))
    def test_sizes_add_up_and_none_is_zero(self, total, small):
        sizes = divide_batch(total, {"a": 5.0, "b": 3.0, "c": small, "d": small, "e": small})
        self.assertEqual(sum(sizes.values()), total)
        self.assertGreaterEqual(min(sizes.values()), 1)


def _indices(steps, num_examples=20, batch_size=4, seed=0, start_step=0):
    dataset = index_batches(num_examples, batch_size, seed, start_step)
    return [batch.tolist() for batch in dataset.take(steps).as_numpy_iterator()]


class IndexBatchesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 3, 6, 20, 64)
    def test_every_epoch_is_a_permutation(self, batch_size):
        order = list(itertools.chain(*_indices(-(-160 // batch_size), batch_size=batch_size)))
        for start in range(0, 160, 20):
            self.assertCountEqual(order[start : start + 20], range(20))

    def test_epochs_and_seeds_differ(self):
        orders = _indices(3, batch_size=20) + _indices(3, batch_size=20, seed=1)
        self.assertLen({tuple(order) for order in orders}, 6)

    @parameterized.product(start_step=(1, 4, 5, 13), batch_size=(3, 5, 20, 47))
    def test_start_step_leaves_out_the_batches_before(self, start_step, batch_size):
        whole = _indices(start_step + 4, batch_size=batch_size)
        late = _indices(4, batch_size=batch_size, start_step=start_step)
        self.assertEqual(late, whole[start_step:])

    def test_a_late_start_is_no_slower_to_reach(self):
        # 10**12 numbers could not be stepped over.
        (batch,) = _indices(1, batch_size=10, start_step=10**11 + 1)
        self.assertLen(set(batch), 10)

    def test_every_position_is_uniform(self):
        # 2000 epochs of 5: each number is first about 400 times; 6 standard deviations are 107.
        order = np.array(_indices(2000, num_examples=5, batch_size=5))
        for position in range(5):
            counts = np.bincount(order[:, position], minlength=5)
            self.assertAllClose(counts, np.full(5, 400), atol=107)
