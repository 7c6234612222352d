"""Tests of the estimator."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from elastic_tf.models.standalone import standalone_network
from tests import testing
from tests.testing import (
    BACKBONES,
    TASKS,
    profiler_macs,
    random_images,
    random_levels,
    randomise,
)


def make_estimator(backbone="wrn-8-1", execution="grouped", **kwargs):
    return randomise(Estimator(TASKS, backbone=backbone, execution=execution, **kwargs))


class EstimatorTest(testing.TestCase):
    def test_a_single_image_runs_no_more_convolutions_than_the_full_model(self):
        estimator = Estimator(TASKS, backbone="wrn-8-1", trunk_size=4)

        def count(batch, levels):
            run = tf.function(lambda images: estimator(images, levels=levels, task="grey"))
            graph = run.get_concrete_function(tf.TensorSpec((batch, 8, 8, 1), tf.uint8)).graph
            return sum("Conv2D" in op.type for op in graph.get_operations())

        full = count(1, None)
        self.assertEqual(count(1, [[1, 0, 2]]), full)
        self.assertGreater(count(2, [[1, 0, 2]] * 2), full)

    @parameterized.product(backbone=BACKBONES, task=tuple(TASKS))
    def test_grouped_and_masked_agree(self, backbone, task):
        grouped, masked = make_estimator(backbone), make_estimator(backbone, "masked")
        for batch in (0, 1, 6):
            images, levels = random_images(task, batch), random_levels(grouped, batch)
            actual = grouped(images, levels=levels, task=task)
            self.assertEqual(actual.shape, (batch, TASKS[task]["num_classes"]))
            expected = masked(images, levels=levels, task=task)
            self.assertAllClose(actual, expected, rtol=1e-5, atol=1e-5)

    def test_grouped_and_masked_gradients_agree(self):
        gradients = []
        for execution in ("grouped", "masked"):
            estimator = make_estimator(execution=execution)
            images, levels = random_images("grey", 6), random_levels(estimator, 6)
            with tf.GradientTape() as tape:
                logits = estimator(images, levels=levels, task="grey", training=True)
                loss = tf.reduce_mean(logits**2)
            variables = [v.value for v in estimator.task_variables("grey")]
            gradients.append(tape.gradient(loss, variables))
        for actual, expected in zip(*gradients, strict=True):
            self.assertAllClose(actual, expected, rtol=1e-4, atol=1e-4)

    @parameterized.parameters(*BACKBONES)
    def test_an_image_alone_is_the_image_in_any_batch(self, backbone):
        estimator = make_estimator(backbone)
        images, levels = random_images("colour", 6), random_levels(estimator, 6)
        self.run_batch_independence_test(
            lambda images, levels: estimator(images, levels=levels, task="colour"), images, levels
        )

    def test_order_and_levels_of_the_others_do_not_matter_and_ones_own_do(self):
        estimator = make_estimator()
        images, levels = random_images("grey", 6), random_levels(estimator, 6)
        expected = estimator(images, levels=levels, task="grey").numpy()
        order = np.array([3, 5, 0, 1, 4, 2])
        shuffled = estimator(images[order], levels=levels[order], task="grey")
        self.assertAllClose(shuffled, expected[order], atol=1e-5)
        others = np.concatenate([levels[:1], (levels[1:] + 1) % 4])
        changed = estimator(images, levels=others, task="grey").numpy()
        self.assertAllClose(changed[0], expected[0], atol=1e-5)
        self.assertNotAllClose(changed[1:], expected[1:], atol=1e-2)

    def test_no_levels_is_the_full_model(self):
        estimator, images = make_estimator(), random_images("grey", 2)
        full = estimator(images, levels=[[3, 3, 3]] * 2, task="grey")
        self.assertAllClose(estimator(images, task="grey"), full, atol=1e-5)

    @parameterized.product(backbone=("wrn-14-1", "resnet-10-4", "vgg-8-4"), task=tuple(TASKS))
    def test_macs_are_those_of_the_standalone_network(self, backbone, task):
        estimator = Estimator(TASKS, backbone=backbone, trunk_size=5)
        count, top = estimator.num_blocks, estimator.num_levels - 1
        for levels in ([top] * count, [0] * count, np.arange(count) % 4):
            widths = [
                block.channels_per_level[level]
                for block, level in zip(estimator.blocks, levels, strict=True)
            ]
            network = standalone_network(
                **TASKS[task], backbone=backbone, widths=widths, trunk_size=5
            )
            macs = estimator.cost_table(task).macs([levels], with_selector=False)
            self.assertEqual(int(macs[0]), profiler_macs(network))

    def test_trunk_size_shrinks_the_features(self):
        small = Estimator(TASKS, backbone="wrn-8-1", trunk_size=4)
        self.assertEqual(small.stems["grey"].output_size, (4, 4))
        large = Estimator(TASKS, backbone="wrn-8-1")
        self.assertLess(small.cost_table("grey").full_macs, large.cost_table("grey").full_macs)

    def test_task_variables_leave_out_other_tasks(self):
        estimator = Estimator(TASKS, backbone="wrn-8-1")
        grey = {id(v) for v in estimator.task_variables("grey")}
        others = [v for v in estimator.trainable_variables if id(v) not in grey]
        colour = (estimator.stems["colour"], estimator.heads["colour"])
        own = [v for layer in colour for v in layer.trainable_variables]
        self.assertEqual({id(v) for v in others}, {id(v) for v in own})

    def test_ratios_per_block(self):
        ratios = [[0, 0.5, 1], [0, 0.25, 1], [0, 0.75, 1]]
        estimator = Estimator(TASKS, backbone="wrn-8-1", ratios=ratios)
        self.assertEqual(
            [block.channels_per_level for block in estimator.blocks],
            [(0, 8, 16), (0, 8, 32), (0, 48, 64)],
        )

    @parameterized.parameters(([[0, 0]],), ([0, 0, 0],))
    def test_levels_of_the_wrong_shape_are_refused(self, levels):
        with self.assertRaisesRegex(ValueError, r"`levels` must have shape \(batch, 3\)"):
            make_estimator()(random_images("grey", 1), levels=levels, task="grey")

    @parameterized.parameters(4, -1)
    def test_levels_out_of_range_are_refused(self, level):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"must be in \[0, 4\)"):
            make_estimator()(random_images("grey", 1), levels=[[0, 0, level]], task="grey")

    def test_gates_of_the_wrong_shape_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"`gates` must have shape \(batch, 3, 4\)"):
            make_estimator()(random_images("grey", 1), gates=tf.zeros((1, 3, 3)), task="grey")

    @parameterized.parameters(({"training": True},), ({"levels": [[0, 0, 0]]},))
    def test_gates_come_alone(self, arguments):
        images, gates = random_images("grey", 1), tf.zeros((1, 3, 4))
        with self.assertRaisesRegex(ValueError, "`gates` must come without `levels` and not in"):
            make_estimator()(images, gates=gates, task="grey", **arguments)

    def test_config(self):
        init_kwargs = {"tasks": TASKS, "backbone": "wrn-8-1", "ratios": [0, 1], "trunk_size": 4}
        self.run_config_test(Estimator, init_kwargs | {"execution": "masked", "momentum": 0.5})
