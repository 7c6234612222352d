"""The whole network of one task, frozen for prediction."""

import functools

import numpy as np
import tensorflow as tf

from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_selector import FrozenSelector, FrozenTrunkSelector
from elastic_tf.inference.rows import run_groups_for_litert, run_groups_for_onnx
from elastic_tf.layers.task_layers import check_images
from elastic_tf.models.network_settings import NETWORK, TRUNK
from elastic_tf.policies.budget import levels_at_budget, priced_greedy
from elastic_tf.policies.second_look import SECOND_LOOK, is_second_look, look_at_budget

_RUN_GROUPS = {"litert": run_groups_for_litert, "onnx": run_groups_for_onnx}


class FrozenNetwork:
    """Predicts as an `ElasticNetwork` does on one task, in less time.

    Weights are copied when it is made, folded where algebra allows, and become constants of the
    graph, which TensorFlow lays out once; training the network further does not change it. It has
    no variables. Wrap it in `tf.function`:
    run eagerly it is right, but slow.

    Args:
        network: an `ElasticNetwork` (or `DeepElasticNetwork`).
        task: str.
        dtype: str, in which the blocks compute, `"float32"`, `"bfloat16"` or `"float16"`. Defaults
            to `None`, the network's.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.
            The batch may be empty.
        budget: float in (0, 1], the mean MACs per image as a share of the full model's, selector
            included; or `None`, the default, for the selector's own choice.
        policy: what keeps to a budget: `"second_look"`, the default, a `SecondLook`, for which the
            budget must be a number; or `"selector"`, a price on its scores. Within `tf.function`,
            give the selector's budget as a scalar tensor: every number would make a graph of its
            own. Both are as the network had them when this was made.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`; of a second
        look, see `FrozenEstimator.look_twice`.

    Attributes:
        estimator: the `FrozenEstimator`, for levels of the caller's choice.
        selector: the `FrozenSelector`, `FrozenTrunkSelector` or `NoSelector`.

    Raises:
        ValueError: if `images` does not have the task's shape, `task` is unknown, or `budget` is
            out of range or given where the network had no calibration.

    Example:

    >>> tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
    >>> frozen = FrozenNetwork(ElasticNetwork(tasks, backbone="wrn-8-1"), "digits")
    >>> predict = tf.function(frozen)
    >>> predict(tf.zeros((2, 8, 8, 1)))["logits"].shape
    TensorShape([2, 10])
    """

    def __init__(self, network, task, dtype=None):
        self.estimator = FrozenEstimator(network.estimator, task, dtype)
        self._in_trunk = network.selector_kind == TRUNK
        self.selector = _frozen_selector(network, task, dtype)
        self.calibration = network.calibrations.get(task)
        self._second_looks = network.second_looks.get(task)
        self._block_shares = network.cost_table(task).block_shares

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images, budget=None, policy=SECOND_LOOK):
        if is_second_look(policy, budget):
            return self.estimator.look_twice(images, look_at_budget(budget, self._second_looks))
        answer = self._route(images, self._pick_at_budget(budget))
        return {"logits": answer["logits"], "levels": answer["levels"]}

    def select_levels(self, images, budget=None):
        """Returns the selected level of each block, int32 `(batch, blocks)`; see `budget`.

        A selector in the trunk comes to them by running them.
        """
        pick = self._pick_at_budget(budget)
        if self._in_trunk:
            return self._route(images, pick)["levels"]
        return pick(self.selector(images), slice(None))

    def score(self, images, price=0.0):
        """Returns the selector's scores, float32 `(batch, blocks, levels)`.

        Args:
            images: see the call arguments.
            price: float or scalar tensor, see `priced_greedy`, at which levels are picked; what a
                selector in the trunk sees depends on those before. Defaults to 0.
        """
        if self._in_trunk:
            return self._route(images, self._pick_at_price(price))["scores"]
        return self.selector(images)

    def at_price(self, images, price):
        """As a call, at a price of MACs, float or scalar tensor, see `priced_greedy`."""
        answer = self._route(images, self._pick_at_price(price))
        return {"logits": answer["logits"], "levels": answer["levels"]}

    def _pick_at_budget(self, budget):
        return lambda scores, blocks: levels_at_budget(
            scores, self._block_shares[blocks], budget, self.calibration
        )

    def _pick_at_price(self, price):
        return lambda scores, blocks: priced_greedy(scores, self._block_shares[blocks], price)

    def _route(self, images, pick):
        """Returns `logits`, `levels` and `scores`, see `FrozenTrunkSelector.route`."""
        estimator = self.estimator
        if not self._in_trunk:
            scores = self.selector(images)
            levels = pick(scores, slice(None))
            return {"logits": estimator(images, levels), "levels": levels, "scores": scores}
        images = check_images(images, estimator.task, estimator.image_shape)
        route = functools.partial(self._route_through_trunk, images, pick)
        ways = [
            self._nothing,
            functools.partial(route, estimator.run_one),
            functools.partial(route, estimator.run_grouped),
        ]
        batch = images.shape[0]
        if batch is not None:
            return ways[min(batch, 2)]()
        # Both ways share the weights, see `FrozenBlock`.
        return tf.switch_case(tf.minimum(tf.shape(images)[0], 2), ways)

    def _route_through_trunk(self, images, pick, run_blocks):
        features = self.estimator.enter(images)
        return self.selector.route(self.estimator, features, pick, run_blocks)

    def _nothing(self):
        size = self.estimator.num_blocks, self.estimator.num_levels
        return {
            "logits": tf.zeros((0, self.estimator.num_classes)),
            "levels": tf.zeros((0, size[0]), tf.int32),
            "scores": tf.zeros((0, *size)),
        }


def _frozen_selector(network, task, dtype):
    if network.selector_kind == TRUNK:
        return FrozenTrunkSelector(network.selector, task)
    if network.selector_kind == NETWORK:
        return FrozenSelector(network.selector, task, dtype)
    return network.selector  # It has no weights.


class PortableNetwork:
    """Predicts as `FrozenNetwork` does, with operations that LiteRT and ONNX have.

    Slower under TensorFlow than `FrozenNetwork`, and with one choice: that at a price of MACs,
    which is a constant of the graph. For LiteRT the batch must not be empty.

    Args:
        network: an `ElasticNetwork`. Its weights are copied as they are now.
        task: str.
        price: float, of MACs, see `priced_greedy`. Defaults to 0, the selector's own choice.
        runtime: `"litert"` or `"onnx"`, for which the graph is made. Defaults to `"litert"`, which
            TensorFlow can run, too; its convolutions cannot do with the empty groups of the other.

    Call arguments:
        images: tensor `(batch, height, width, channels)` of any numeric type, pixels in 0..255.

    Returns:
        `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`.

    Raises:
        ValueError: if `images` does not have the task's shape, or `task` or `runtime` is unknown.
    """

    def __init__(self, network, task, price=0.0, runtime="litert"):
        if runtime not in _RUN_GROUPS:
            raise ValueError(
                f"`runtime` must be one of {', '.join(_RUN_GROUPS)}. Received: runtime={runtime}"
            )
        self._run_groups = _RUN_GROUPS[runtime]
        self.estimator = FrozenEstimator(network.estimator, task, "float32")
        self._in_trunk = network.selector_kind == TRUNK
        self.selector = _frozen_selector(network, task, "float32")
        # In float32, as other runtimes lack float64 here and there; not a tensor, which would be an
        # input of the graph.
        self._level_prices = (price * network.cost_table(task).block_shares).astype(np.float32)

    @tf.autograph.experimental.do_not_convert  # It has nothing to convert, and is traced faster.
    def __call__(self, images):
        estimator = self.estimator
        images = check_images(images, estimator.task, estimator.image_shape)
        if self._in_trunk:
            run_blocks = functools.partial(estimator.run_gathered, run_groups=self._run_groups)
            features = estimator.enter(images)
            answer = self.selector.route(estimator, features, self._pick, run_blocks)
            return {"logits": answer["logits"], "levels": answer["levels"]}
        levels = self._pick(self.selector.score(images), slice(None))
        logits = estimator.classify_gathered(images, levels, self._run_groups)
        return {"logits": logits, "levels": levels}

    def _pick(self, scores, blocks):
        scores = scores - self._level_prices[blocks]
        return tf.argmax(scores, axis=-1, output_type=tf.int32)
