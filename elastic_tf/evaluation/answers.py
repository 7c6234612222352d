"""What a network answers on images, for any choice of models."""

import copy
import functools

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.network_settings import TRUNK
from elastic_tf.models.tasks import check_finite, warn_of_pixels
from elastic_tf.policies.budget import priced_greedy
from elastic_tf.policies.second_look import confidence


class Answers:
    """Passes over the images of one task with a frozen copy of the network.

    Args:
        network: an `ElasticNetwork`. Freezing it takes seconds; changes of its weights are not
            seen afterwards, those of its `calibrations` are.
        batches: iterable of `(images, labels)` that gives the same images at every pass; pixels of
            any numeric type in 0..255.
        task: str.

    Attributes:
        network, task: as given.
        table: the task's `CostTable`.
        labels: int64 array `(images,)`.
        logits: float32 array `(images, blocks, levels)`, of the selector; of one in the trunk,
            along the models that it chooses.

    Raises:
        ValueError: if there is no image, a label is none of the task's, or a weight of the network
            is infinite or not a number.
        FloatingPointError: if an answer is, here or later.
    """

    def __init__(self, network, batches, task):
        check_finite(network)
        self.network, self.task, self.table = network, task, network.cost_table(task)
        self._frozen = FrozenNetwork(network, task)
        self._graphs = {}
        self._look_at(batches)

    def on(self, batches):
        """Returns the answers of the same frozen network on other images; it is not built anew."""
        other = copy.copy(self)
        other._look_at(batches)
        return other

    def _look_at(self, batches):
        self._batches, self._models, self._scores = batches, {}, {}
        scored, labels = [], []
        for images, of_batch in batches:
            if not scored:
                warn_of_pixels({self.task: images})
            scored.append(self._score(images, 0.0))
            labels.append(np.asarray(of_batch))
        if not sum(map(len, labels)):
            raise ValueError(
                f"`batches` must hold at least one image of task '{self.task}'. Received: none"
            )
        self.logits = self._scores[0.0] = np.concatenate(scored)
        self.labels = self._checked(np.concatenate(labels))

    def _score(self, images, price):
        images, score, _ = self._prepared(images)
        return self._finite(score(images, tf.constant(price, tf.float32)))

    def _checked(self, labels):
        num_classes = self.network.tasks[self.task]["num_classes"]
        if labels.ndim != 1 or not np.all(np.isin(labels, np.arange(num_classes))):
            raise ValueError(
                f"Labels of task '{self.task}' must be integers in [0, {num_classes}), one each. "
                f"Received: labels.shape={labels.shape}, from {labels.min()} to {labels.max()}"
            )
        return labels.astype(np.int64)

    def _finite(self, logits):
        logits = logits.numpy()
        if not np.isfinite(logits).all():
            raise FloatingPointError(
                f"Answers on images of task '{self.task}' must be finite; the network may have "
                f"diverged. Received: {np.sum(~np.isfinite(logits))} logits that are not"
            )
        return logits

    def _prepared(self, images):
        """Returns images as uint8 or float32, and two graphs: of the scores, of the estimator.

        The graphs are made for a type when it is first met.
        """
        images = tf.convert_to_tensor(images)
        if images.dtype != tf.uint8:
            images = tf.cast(images, tf.float32)
        if images.dtype not in self._graphs:
            shape = self.network.tasks[self.task]["image_shape"]
            spec = tf.TensorSpec((None, *shape), images.dtype)
            levels = tf.TensorSpec((None, self.network.num_blocks), tf.int32)
            self._graphs[images.dtype] = (
                # No method, or TensorFlow counts the graphs of all networks together, and warns.
                tf.function(
                    functools.partial(self._frozen.score),
                    [spec, tf.TensorSpec((), tf.float32, name="price")],
                ),
                tf.function(self._frozen.estimator, input_signature=[spec, levels]),
            )
        return images, *self._graphs[images.dtype]

    def __len__(self):
        return len(self.labels)

    def price(self, budget=None):
        """Returns the price of MACs that keeps to a budget, a float.

        Args:
            budget: float in (0, 1], the mean MACs per image as a share of the full model's,
                selector included. Defaults to `None`, the selector's own choice, at price 0.

        Raises:
            ValueError: if the network has no calibration for a budget, or it is out of range.
        """
        if budget is None:
            return 0.0
        if self.task not in self.network.calibrations:
            raise ValueError(
                "`budget` must be None where the network has no calibration for the task. "
                f"Received: budget={budget}, task={self.task}"
            )
        return float(self.network.calibrations[self.task].price(budget))

    def choose(self, budget=None):
        """Returns the selector's choice for all images, int32 array `(images, blocks)`.

        Args, errors: see `price`.
        """
        return self.choose_at(self.price(budget))

    def choose_at(self, price):
        """Returns the same at a price of MACs, a float; see `priced_greedy`."""
        return priced_greedy(self.scores_at(price), self.table.block_shares, price).numpy()

    def scores_at(self, price):
        """Returns the selector's scores at a price, float32 array `(images, blocks, levels)`.

        What a selector in the trunk sees depends on the levels before, and is computed for the
        price; asked again, it is not computed again.

        Args:
            price: float, of MACs.
        """
        if self.network.selector_kind != TRUNK:
            return self.logits
        price = float(np.float32(price))
        if price not in self._scores:
            scored = [self._score(images, price) for images, _ in self._batches]
            self._scores[price] = np.concatenate(scored)
        return self._scores[price]

    def are_right(self, levels):
        """Returns which images are classified rightly, a bool array `(images,)`.

        Args:
            levels: int array `(images, blocks)`, or `(blocks,)` for the same model everywhere.
        """
        return self.ranks(levels) == 0

    def of_model(self, levels):
        """Returns what one model answers on all images; asked again, it is not run again.

        Args:
            levels: int sequence `(blocks,)`.

        Returns:
            bool array `(images,)`, which are classified rightly; float32 array `(images,)`, the
            largest probability of each answer.
        """
        key = tuple(int(level) for level in levels)
        if key not in self._models:
            logits = self.class_logits(key)
            self._models[key] = self._ranks(logits) == 0, confidence(logits).numpy()
        return self._models[key]

    def look_twice(self, look):
        """Returns what a second look answers on all images.

        Args:
            look: a `SecondLook`.

        Returns:
            Two bool arrays `(images,)`: which are classified rightly, and which were seen twice.
        """
        logits = self.class_logits(look.first)
        right, is_unsure = self._ranks(logits) == 0, look.is_unsure(logits).numpy()
        if is_unsure.any():
            right = np.where(is_unsure, self.of_model(look.second)[0], right)
        return right, is_unsure

    def are_right_by(self, model):
        """Returns which images another model classifies rightly, a bool array `(images,)`.

        Args:
            model: function from images `(batch, height, width, channels)`, float32, to logits.
        """
        spec = tf.TensorSpec((None, *self.network.tasks[self.task]["image_shape"]))
        classify = tf.function(model, input_signature=[spec])
        logits = [
            self._finite(classify(tf.cast(images, tf.float32))) for images, _ in self._batches
        ]
        return self._ranks(np.concatenate(logits)) == 0

    def ranks(self, levels):
        """Returns how many classes are likelier than the image's own, an int array `(images,)`.

        0 where the answer is right, below 5 where the class is among the five likeliest. Of classes
        alike the first comes first, as in `argmax`.

        Args:
            levels: see `are_right`.
        """
        return self._ranks(self.class_logits(levels))

    def _ranks(self, logits):
        own = self.labels[:, np.newaxis]
        of_own = np.take_along_axis(logits, own, axis=-1)
        is_first = np.arange(logits.shape[-1]) < own
        return np.sum((logits > of_own) | ((logits == of_own) & is_first), axis=-1)

    def class_logits(self, levels):
        """Returns the class logits of every image on its model, float32 `(images, classes)`.

        Args:
            levels: see `are_right`.
        """
        levels = np.asarray(levels, np.int32)
        levels = np.broadcast_to(levels, (len(self), levels.shape[-1]))
        logits, start = [], 0
        for images, _ in self._batches:
            stop = start + len(images)
            images, _, classify = self._prepared(images)
            logits.append(self._finite(classify(images, tf.constant(levels[start:stop]))))
            start = stop
        return np.concatenate(logits)

    def stage_features(self, levels):
        """Returns the features with which one model enters every stage, pooled.

        Args:
            levels: int sequence `(blocks,)`.

        Returns:
            List of float32 arrays `(images, channels)`, one for each stage.
        """
        starts = [stage.start for stage in parse_backbone(self.network.backbone).stages]
        pool, pooled = None, []
        for images, _ in self._batches:
            images = self._prepared(images)[0]
            if pool is None:
                spec = tf.TensorSpec((None, *images.shape[1:]), images.dtype)
                entries = self._frozen.estimator.pooled_entries
                of_model = functools.partial(entries, levels=levels, starts=starts)
                pool = tf.function(of_model, input_signature=[spec])
            pooled.append(pool(images))
        return [np.concatenate(of_stage) for of_stage in zip(*pooled, strict=True)]


class AnswersBySplit:
    """The answers of a network on all splits of its tasks, each task frozen once.

    What several measurements of one network have in common is computed for the first of them.

    Args:
        network: an `ElasticNetwork`, whose weights must not change any more.
        batches_of: function from a task's name and a split, `"train"`, `"validation"` or `"test"`,
            to an iterable of `(images, labels)` that gives the same images at every pass.
    """

    def __init__(self, network, batches_of):
        self.network = network
        self.batches_of = batches_of
        self._answers = {}

    def on(self, task, split):
        """Returns the `Answers` on a split of a task."""
        of_task = self._answers.setdefault(task, {})
        if split not in of_task:
            batches = self.batches_of(task, split)
            frozen = next(iter(of_task.values()), None)
            of_task[split] = frozen.on(batches) if frozen else Answers(self.network, batches, task)
        return of_task[split]
