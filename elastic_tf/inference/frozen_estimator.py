"""Estimator of one task, frozen for prediction."""

import functools

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_blocks import FrozenBlock, frozen_steps, run_frozen
from elastic_tf.inference.rows import (
    plan_groups,
    run_rows,
    run_rows_for_litert,
    run_rows_for_onnx,
    sort_rows,
)
from elastic_tf.layers.elastic_conv import run_unless_empty
from elastic_tf.layers.routing import count_levels
from elastic_tf.layers.task_layers import check_images, pool_globally
from elastic_tf.models.tasks import check_levels, check_task

_RUN_ROWS = {"tensorflow": run_rows, "litert": run_rows_for_litert, "onnx": run_rows_for_onnx}


class FrozenStem:
    """`TaskStem` for inference: rescaling and normalisation are folded into the convolution.

    Args:
        stem: a built `TaskStem`.
        dtype: str, in which to compute.

    Call arguments:
        images: tensor `(batch, *image_shape)` of any numeric type, not empty, pixels in 0..255.

    Returns:
        Tensor `(batch, height, width, filters)` of that type.
    """

    def __init__(self, stem, dtype="float32"):
        self._dtype = dtype
        self._resize = stem.resize
        (first, (kernel, *others)), *operations = frozen_steps(stem.layers(), stem.task)
        # Only the scale: a shift does not pass the convolution's zero padding.
        self._operations = [(first, (kernel * stem.rescale.scale, *others)), *operations]
        self._shift = stem.rescale.offset / stem.rescale.scale

    def __call__(self, images):
        centred = tf.cast(self._resize(images), tf.float32) + self._shift
        return run_frozen(self._operations, tf.cast(centred, self._dtype))


class FrozenEstimator:
    """Gives the logits of `Estimator` in less time.

    Kernels are constants, sliced for every level and normalised ahead; rows are moved only when
    their order changes, and not copied when all are at one level. A batch of one image is not
    grouped at all, which saves about a twentieth.

    Args:
        estimator: an `Estimator`. Its weights are copied as they are now.
        task: str.
        dtype: str, in which the blocks compute: `"float32"`, `"bfloat16"` or `"float16"`. `None`
            for the estimator's.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.
        levels: int tensor `(batch, blocks)`, or `None` for the full model.

    Returns:
        Logits, float32 `(batch, num_classes)`.

    Raises:
        ValueError: if an argument does not have the shape of the task's, or `task` is unknown.

    Reference: the method's sections 2 and 5.
    """

    def __init__(self, estimator, task, dtype=None):
        check_task(task, estimator.tasks)
        self.task = task
        self.image_shape = estimator.tasks[task]["image_shape"]
        self.num_classes = estimator.tasks[task]["num_classes"]
        self.num_blocks = estimator.num_blocks
        self.num_levels = estimator.num_levels
        head = estimator.heads[task]
        self._stem = FrozenStem(estimator.stems[task], dtype or estimator.compute_dtype)
        self._blocks = [FrozenBlock(block, task) for block in estimator.blocks]
        self._last = frozen_steps(head.layers(), task)
        self._weights, self._bias = (np.asarray(v, np.float32) for v in head.linear.weights)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images, levels=None):
        images = check_images(images, self.task, self.image_shape)
        if levels is not None:
            levels = check_levels(levels, self.num_blocks, self.num_levels)
        return run_unless_empty(
            lambda images: self._classify(images, levels), images, (self.num_classes,), tf.float32
        )

    def classify_at(self, images, levels):
        """Returns the logits of one model, which has only its own weights in the graph.

        Args:
            images: tensor `(batch, *image_shape)`, not empty.
            levels: sequence of int, the level of every block.
        """
        return self._finish_at(self._stem(images), levels)

    def look_twice(self, images, look, runtime="tensorflow"):
        """Returns the answers after a second look where the first is unsure.

        Features in front of the first block at which the two models differ are kept; of the images
        that are looked at again alone what follows runs, and for none nothing.

        Args:
            images: see the call arguments; for `"litert"` not empty.
            look: a `SecondLook`.
            runtime: `"tensorflow"`, `"litert"` or `"onnx"`, for which the graph is made. Defaults
                to `"tensorflow"`.

        Returns:
            `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks), of the model
            whose answer counts, "seen_twice": bool (batch,)}`.
        """
        images = check_images(images, self.task, self.image_shape)
        look_at = functools.partial(self._look_twice, images, look, _RUN_ROWS[runtime])
        if runtime == "tensorflow":
            logits, seen_twice = tf.cond(
                tf.shape(images)[0] > 0,
                look_at,
                lambda: (tf.zeros((0, self.num_classes)), tf.zeros((0,), tf.bool)),
            )
        else:
            logits, seen_twice = look_at()
        return {"logits": logits, "levels": look.levels_of(seen_twice), "seen_twice": seen_twice}

    def classify_gathered(self, images, levels, run_groups):
        """Returns the logits by operations that other runtimes have.

        Args:
            images: tensor `(batch, *image_shape)`, not empty.
            levels: int32 tensor `(batch, blocks)`.
            run_groups: `run_groups_for_onnx` or `run_groups_for_litert`.
        """
        blocks = slice(None)
        features, restore = self.run_gathered(self._stem(images), levels, blocks, run_groups)
        return tf.gather(self.head(features), restore)

    def enter(self, images):
        """Returns what the first block takes, for `run_one`, `run_grouped` or `run_gathered`.

        Args:
            images: tensor `(batch, *image_shape)`, not empty.
        """
        return self._stem(images)

    def run_one(self, features, levels, blocks):
        """Runs some blocks on one image.

        Args:
            features: tensor `(1, height, width, channels)`; the size of the batch may be unknown
                when the graph is made.
            levels: int32 tensor `(1, blocks)`, of these.
            blocks: slice of the blocks.

        Returns:
            Features, and where each row is now; `None` where they have not moved.
        """
        for index, block in enumerate(self._blocks[blocks]):
            features = block.run_one(features, levels[0, index])
        return features, None

    def run_grouped(self, features, levels, blocks):
        """The same for a batch, not empty, by groups of one level."""
        rows = tf.range(tf.shape(features)[0])
        for index, block in enumerate(self._blocks[blocks]):
            features, sorted_levels, rows = sort_rows(
                features, tf.gather(levels[:, index], rows), rows
            )
            features = block(features, count_levels(sorted_levels, self.num_levels))
        return features, tf.argsort(rows)

    def run_gathered(self, features, levels, blocks, run_groups):
        """The same by operations that other runtimes have; see `classify_gathered`."""
        groups, restore = plan_groups(levels, self.num_levels)
        for block, rows in zip(self._blocks[blocks], groups, strict=True):
            features = block.run_gathered(features, rows, run_groups)
        return features, restore

    def pooled_entries(self, images, levels, starts):
        """Returns the features in front of some blocks of one model, pooled.

        Args:
            images, levels: see `classify_at`.
            starts: sequence of int, rising: the blocks.

        Returns:
            List of float32 tensors `(batch, channels)`, one for each.
        """
        features, pooled = self._stem(images), []
        for start, stop in zip([0, *starts], starts, strict=False):
            features = self._run_at(features, levels, start, stop)
            pooled.append(pool_globally(features))
        return pooled

    def _finish_at(self, features, levels, start=0):
        """Returns the logits of features in front of a block."""
        return self.head(self._run_at(features, levels, start, self.num_blocks))

    def _run_at(self, features, levels, start, stop):
        for block, level in zip(self._blocks[start:stop], levels[start:stop], strict=True):
            features = block.run_at(features, level)
        return features

    def _look_twice(self, images, look, run_rows):
        kept = look.num_kept
        features = self._run_at(self._stem(images), look.first, 0, kept)
        logits = self._finish_at(features, look.first, kept)
        is_unsure = look.is_unsure(logits)
        if not look.threshold:  # Nobody is; the second model need not be in the graph.
            return logits, is_unsure
        rows = tf.cast(tf.where(is_unsure)[:, 0], tf.int32)
        again = run_rows(
            lambda rest: self._finish_at(rest, look.second, kept),
            [features],
            rows,
            (self.num_classes,),
        )
        # By a gather of both answers, as other runtimes cannot replace rows.
        batch, place = tf.shape(logits)[0], tf.cumsum(tf.cast(is_unsure, tf.int32)) - 1
        place = tf.where(is_unsure, batch + place, tf.range(batch))
        return tf.gather(tf.concat([logits, again], axis=0), place), is_unsure

    def _classify(self, images, levels):
        if levels is None:
            return self.classify_at(images, [self.num_levels - 1] * self.num_blocks)
        features = self._stem(images)
        if images.shape[0] == 1:
            return self._classify_one(features, levels)
        if images.shape[0] is not None:
            return self._classify_grouped(features, levels)
        # Both ways share the weights, see `FrozenBlock`.
        return tf.cond(
            tf.shape(features)[0] == 1,
            lambda: self._classify_one(features, levels),
            lambda: self._classify_grouped(features, levels),
        )

    def _classify_one(self, features, levels):
        return self.head(self.run_one(features, levels, slice(None))[0])

    def _classify_grouped(self, features, levels):
        features, restore = self.run_grouped(features, levels, slice(None))
        return tf.gather(self.head(features), restore)

    def head(self, features):
        """Returns the logits of what the last block gives."""
        pooled = pool_globally(run_frozen(self._last, features))
        return tf.matmul(pooled, self._weights) + self._bias
