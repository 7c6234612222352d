import itertools

import tensorflow as tf
from absl.testing import parameterized

from pipelines.input_pipeline import train_dataset
from pipelines.multitask import evaluation_batches, num_examples, training_batches
from tests.pipelines.numbered_source import numbered_task, numbers


def _tasks():
    return [
        numbered_task("long", num_train=30, num_test=11),
        numbered_task("short", num_train=10, num_test=4),
    ]


def _numbers(batches, name):
    return [numbers(batch[name][0]) for batch in batches]


class TrainingBatchesTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_task_has_its_batch_size(self):
        spec = training_batches(_tasks(), {"long": 6, "short": 2}, seed=0).element_spec
        sizes = {name: images.shape[0] for name, (images, _) in spec.items()}
        self.assertEqual(sizes, {"long": 6, "short": 2})

    def test_one_batch_size_holds_for_all(self):
        spec = training_batches(_tasks(), 5, seed=0).element_spec
        self.assertEqual([images.shape[0] for images, _ in spec.values()], [5, 5])

    def test_batches_are_endless(self):
        cardinality = training_batches(_tasks(), 5, seed=0).cardinality()
        self.assertEqual(cardinality, tf.data.INFINITE_CARDINALITY)

    def test_tasks_run_as_they_would_alone(self):
        together = list(training_batches(_tasks(), 4, seed=3).take(9))
        for spec in _tasks():
            alone = [numbers(images) for images, _ in train_dataset(spec, 4, seed=3).take(9)]
            self.assertEqual(_numbers(together, spec.name), alone)

    def test_equal_tasks_are_shuffled_differently(self):
        tasks = [numbered_task("one"), numbered_task("two")]
        batches = list(training_batches(tasks, 10, seed=0).take(2))
        self.assertNotEqual(_numbers(batches, "one"), _numbers(batches, "two"))

    def test_resumed_stream_goes_on_where_the_whole_one_was(self):
        tasks = [numbered_task("one", pad=1, flip=True), numbered_task("two", num_train=9, pad=1)]
        whole = list(training_batches(tasks, 4, seed=1).take(12))[7:]
        resumed = list(training_batches(tasks, 4, seed=1, start_step=7).take(5))
        for spec in tasks:
            for mine, other in zip(resumed, whole, strict=True):
                self.assertAllEqual(mine[spec.name][0], other[spec.name][0])
                self.assertAllEqual(mine[spec.name][1], other[spec.name][1])

    @parameterized.parameters(
        {"sizes": {"long": 4}}, {"sizes": {"long": 4, "short": 4, "other": 4}}, {"sizes": {}}
    )
    def test_sizes_of_other_tasks_are_refused(self, sizes):
        with self.assertRaisesRegex(ValueError, "`batch_sizes` must .* Received: batch_sizes="):
            training_batches(_tasks(), sizes, seed=0)

    @parameterized.parameters(0, 2)
    def test_none_or_repeated_tasks_are_refused(self, times):
        with self.assertRaisesRegex(ValueError, "`tasks` must .* Received: tasks="):
            training_batches([numbered_task()] * times, 4, seed=0)


class EvaluationBatchesTest(tf.test.TestCase, parameterized.TestCase):
    # 11 and 4 images: one batch, a remainder in one and both, exact multiples, single images.
    @parameterized.parameters(1, 2, 3, 4, 11, 50)
    def test_every_image_comes_once_and_in_order(self, batch_size):
        batches = list(evaluation_batches(_tasks(), "test", batch_size))
        self.assertEqual(list(itertools.chain(*_numbers(batches, "long"))), list(range(11)))
        self.assertEqual(list(itertools.chain(*_numbers(batches, "short"))), list(range(4)))

    @parameterized.parameters(1, 3, 4, 50)
    def test_cardinality_is_that_of_the_longest(self, batch_size):
        dataset = evaluation_batches(_tasks(), "test", batch_size)
        self.assertEqual(dataset.cardinality(), -(-11 // batch_size))
        self.assertLen(list(dataset), -(-11 // batch_size))

    def test_ended_task_gives_empty_batches(self):
        batches = list(evaluation_batches(_tasks(), "test", 3))
        shapes = [(images.shape, labels.shape) for images, labels in (b["short"] for b in batches)]
        empty = ((0, 4, 4, 1), (0,))
        self.assertEqual(shapes, [((3, 4, 4, 1), (3,)), ((1, 4, 4, 1), (1,)), empty, empty])

    def test_labels_stay_with_their_images(self):
        for batch in evaluation_batches(_tasks(), "test", 3):
            for images, labels in batch.values():
                self.assertEqual(labels.numpy().tolist(), [n % 2 for n in numbers(images)])

    def test_batch_dimension_is_dynamic(self):
        spec = evaluation_batches(_tasks(), "test", 3).element_spec
        expected = (tf.TensorSpec((None, 4, 4, 1), tf.uint8), tf.TensorSpec((None,), tf.int32))
        self.assertEqual(spec, {"long": expected, "short": expected})

    def test_none_or_repeated_tasks_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`tasks` must .* Received: tasks="):
            evaluation_batches([], "test", 4)


class NumExamplesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("train", {"long": 24, "short": 8}),
        ("validation", {"long": 6, "short": 2}),
        ("test", {"long": 11, "short": 4}),
    )
    def test_counts_of_every_split(self, split, expected):
        self.assertEqual(num_examples(_tasks(), split, validation_share=0.2), expected)
