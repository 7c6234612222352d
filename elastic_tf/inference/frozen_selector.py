"""The selector of one task, frozen for prediction."""

import tensorflow as tf

from elastic_tf.inference.folding import scale_and_offset
from elastic_tf.inference.frozen_blocks import freeze_block
from elastic_tf.inference.frozen_scores import FrozenScores
from elastic_tf.inference.frozen_stem import FrozenStem
from elastic_tf.layers.empty_batch import run_unless_empty
from elastic_tf.layers.fused_ops import scale_offset_relu
from elastic_tf.layers.image_check import check_images
from elastic_tf.models.tasks import check_task


class FrozenSelector:
    """Gives the logits of `Selector` in less time.

    Args:
        selector: a `Selector`. Its weights are copied as they are now.
        task: str.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.

    Returns:
        Logits, float32 `(batch, num_blocks, num_levels)`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` is unknown.
    """

    def __init__(self, selector, task):
        check_task(task, selector.tasks)
        self.task = task
        self.image_shape = selector.tasks[task]["image_shape"]
        self.num_blocks = selector.num_blocks
        self.num_levels = selector.num_levels
        self._stem = FrozenStem(selector.stems[task])
        self._blocks = [freeze_block(block, task) for block in selector.blocks]
        self._norm = scale_and_offset(selector.norm, task)
        self._scores = FrozenScores(selector.scores, task)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images):
        images = check_images(images, self.task, self.image_shape)
        return run_unless_empty(self.score, images, (self.num_blocks, self.num_levels), tf.float32)

    def score(self, images):
        """Returns the logits of images that are not empty; as a call, without its checks."""
        features = self._stem(images)
        for block in self._blocks:
            features = block(features)
        pooled = tf.reduce_mean(scale_offset_relu(features, *self._norm), axis=[1, 2])
        return tf.reshape(self._scores(pooled), [-1, self.num_blocks, self.num_levels])
