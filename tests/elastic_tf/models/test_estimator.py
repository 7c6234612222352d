import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.estimator import Estimator
from tests.testing import (
    TASKS,
    plain_residual_backbone,
    profiler_macs,
    random_images,
    randomise,
)

BACKBONES = ("wrn-8-1", "resnet-10-4", "vgg-8-4")


def make_estimator(backbone="wrn-8-1", execution="grouped", **kwargs):
    estimator = Estimator(TASKS, backbone=backbone, execution=execution, **kwargs)
    randomise(estimator)
    return estimator


def random_levels(estimator, batch, seed=0):
    shape = (batch, estimator.num_blocks)
    return np.random.default_rng(seed).integers(0, estimator.num_levels, shape)


class EstimatorTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(backbone=BACKBONES, task=tuple(TASKS), batch=(0, 1, 6))
    def test_grouped_and_masked_agree(self, backbone, task, batch):
        grouped, masked = make_estimator(backbone), make_estimator(backbone, "masked")
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
        images, levels = random_images("colour", 8), random_levels(estimator, 8)
        together = estimator(images, levels=levels, task="colour")
        for i in range(8):
            alone = estimator(images[i : i + 1], levels=levels[i : i + 1], task="colour")
            self.assertAllClose(together[i : i + 1], alone, atol=1e-5)

    def test_neither_order_nor_levels_of_the_others_matter(self):
        estimator = make_estimator()
        images, levels = random_images("grey", 6), random_levels(estimator, 6)
        expected = estimator(images, levels=levels, task="grey").numpy()[0]
        order = np.array([3, 5, 0, 1, 4, 2])
        shuffled = estimator(images[order], levels=levels[order], task="grey").numpy()
        self.assertAllClose(shuffled[2], expected, atol=1e-5)
        others = np.concatenate([levels[:1], (levels[1:] + 1) % 4])
        changed = estimator(images, levels=others, task="grey").numpy()
        self.assertAllClose(changed[0], expected, atol=1e-5)

    def test_levels_matter(self):
        estimator, images = make_estimator(), random_images("grey", 2)
        low = estimator(images, levels=[[0, 0, 0]] * 2, task="grey")
        self.assertNotAllClose(low, estimator(images, task="grey"), atol=1e-2)

    def test_no_levels_is_the_full_model(self):
        estimator, images = make_estimator(), random_images("grey", 2)
        full = estimator(images, levels=[[3, 3, 3]] * 2, task="grey")
        self.assertAllClose(estimator(images, task="grey"), full, atol=1e-5)

    @parameterized.product(
        backbone=("wrn-14-1", "resnet-10-4"), levels=("full", "lowest", "mixed"), task=tuple(TASKS)
    )
    def test_macs_are_those_of_the_plain_model(self, backbone, levels, task):
        estimator = Estimator(TASKS, backbone=backbone)
        count, top = estimator.num_blocks, estimator.num_levels - 1
        vector = {"full": [top] * count, "lowest": [0] * count, "mixed": np.arange(count) % 4}[
            levels
        ]
        stem = estimator.stems[task]
        plain = plain_residual_backbone(
            TASKS[task]["image_shape"],
            TASKS[task]["num_classes"],
            (stem.filters, stem.strides),
            [(block.filters, block.strides) for block in estimator.blocks],
            [
                block.channels_per_level[level]
                for block, level in zip(estimator.blocks, vector, strict=True)
            ],
        )
        macs = estimator.cost_table(task).macs([vector], with_selector=False)
        self.assertEqual(int(macs[0]), profiler_macs(plain))

    def test_trunk_size_shrinks_the_features(self):
        small = Estimator(TASKS, backbone="wrn-8-1", trunk_size=4)
        self.assertEqual(small.stems["grey"].output_size, (4, 4))
        self.assertLess(
            small.cost_table("grey").full_macs,
            Estimator(TASKS, backbone="wrn-8-1").cost_table("grey").full_macs,
        )

    def test_task_variables_leave_out_other_tasks(self):
        estimator = Estimator(TASKS, backbone="wrn-8-1")
        grey = {id(v) for v in estimator.task_variables("grey")}
        everything = {id(v) for v in estimator.trainable_variables}
        colour_only = [*estimator.stems["colour"].trainable_variables]
        colour_only += estimator.heads["colour"].trainable_variables
        self.assertEqual(everything - grey, {id(v) for v in colour_only})

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

    def test_config_round_trip(self):
        config = Estimator(TASKS, backbone="wrn-8-1", ratios=[0, 1]).get_config()
        self.assertEqual(Estimator.from_config(config).get_config(), config)


if __name__ == "__main__":
    tf.test.main()
