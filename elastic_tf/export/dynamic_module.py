"""What an exported network answers."""

import tensorflow as tf

from elastic_tf.export.image_sizes import at_size_of, images_spec
from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.policies.budget import check_budget_number
from elastic_tf.policies.second_look import SECOND_LOOK, is_second_look

# The budget that stands for the selector's own choice.
_OWN_CHOICE = 0.0


def served_answers(answer, cost_table, look=None):
    """Returns the outputs of an exported network that chooses by itself.

    Args:
        answer: `{"logits": float32 (batch, num_classes), "levels": int32 (batch, blocks)}`, of a
            second look `"seen_twice": bool (batch,)` too.
        cost_table: the task's `CostTable`.
        look: the `SecondLook` whose answer it is. Defaults to `None`, the selector's.

    Returns:
        Dict of `probabilities`, float32 `(batch, num_classes)`; `classes`, int32 `(batch,)`, the
        most probable; `levels`, int32 `(batch, blocks)`; `macs`, int64 `(batch,)`, the
        multiply-accumulates of each image, selector or first model included.
    """
    levels = answer["levels"]
    if look is None:
        macs = cost_table.macs(levels)
    else:
        once, again = look.macs(cost_table)
        macs = once + again * tf.cast(answer["seen_twice"], tf.int64)
    return served_probabilities(answer["logits"]) | {"levels": levels, "macs": macs}


def served_probabilities(logits):
    """Returns those of the outputs that a fixed model has too.

    Args:
        logits: float32 tensor `(batch, num_classes)`.
    """
    return {
        "probabilities": tf.nn.softmax(logits),
        "classes": tf.argmax(logits, axis=-1, output_type=tf.int32),
    }


class DynamicModule(tf.Module):
    """Functions of one or more tasks, each of which routes every image by itself.

    `tf.saved_model.save(module, path, signatures=module.signatures())` writes a folder that needs
    TensorFlow and nothing else. Each task has a signature of its name from `images` to what
    `served_answers` returns, and the method `predict_<task>`. With a calibration, the method takes
    `budget` too, which the selector keeps to, and so does the signature `<task>_at_budget`: the
    mean MACs per image as a share of the full model's, selector included, in (0, 1]; or 0, for the
    selector's own choice. Another number is an `InvalidArgumentError`. A second look is at one
    budget, that of `budget`. Weights are copied as they are now, and become constants.

    Args:
        network: an `ElasticNetwork`.
        tasks: sequence of str, at least one. Defaults to all of the network's.
        budget: float in (0, 1], the budget where a call gives none; every task must have a
            calibration then. Defaults to `None`, the selector's own choice.
        input_dtype: dtype of the images. Defaults to `"uint8"`.
        dtype: as of `FrozenNetwork`.
        any_image_size: bool. Whether images may have any height and width, see `at_size_of`.
            Defaults to `False`.
        policy: what keeps to `budget`, as of `FrozenNetwork`. Defaults to `"second_look"`.

    Raises:
        ValueError: if a task is unknown, or `budget` is out of range or a task has no calibration
            for it.

    Example:

    >>> module = DynamicModule(network)
    >>> tf.saved_model.save(module, "served", signatures=module.signatures())
    >>> tf.saved_model.load("served").predict_digits(images, budget=0.4)["classes"]

    Reference: the method's section 2; Everett, 1963, on prices.
    """

    def __init__(
        self,
        network,
        tasks=None,
        budget=None,
        input_dtype="uint8",
        dtype=None,
        any_image_size=False,
        policy=SECOND_LOOK,
    ):
        super().__init__(name="dynamic_network")
        tasks = list(network.tasks if tasks is None else tasks)
        check_calibrated(network, tasks, budget, policy)
        self._signatures = {}
        for task in tasks:
            spec = images_spec(network.tasks[task]["image_shape"], input_dtype, any_image_size)
            table = network.cost_table(task)
            if is_second_look(policy, budget):
                frozen = FrozenEstimator(network.estimator, task, dtype)
                look = network.second_look(task, budget)
                self._add(task, [look_function(frozen, table, spec, look)])
            else:
                frozen = FrozenNetwork(network, task, dtype)
                self._add(task, _task_functions(frozen, table, spec, budget or _OWN_CHOICE))

    def _add(self, task, functions):
        # An attribute, as what is loaded has those of the module.
        setattr(self, f"predict_{task}", functions[-1])
        for suffix, function in zip(("", "_at_budget"), functions, strict=False):
            self._signatures[f"{task}{suffix}"] = function

    def signatures(self):
        """Returns the signatures, a dict; the first task's is `serving_default` too."""
        first = next(iter(self._signatures.values()))
        return {"serving_default": first} | self._signatures


def look_function(frozen, cost_table, spec, look, runtime="tensorflow"):
    """Returns the function of images, which are looked at twice where that is needed.

    Args:
        frozen: a `FrozenEstimator`.
        cost_table: the task's `CostTable`.
        spec: `tf.TensorSpec` of the images.
        look: a `SecondLook`.
        runtime: as of `FrozenEstimator.look_twice`.

    Returns:
        `tf.function` from images to what `served_answers` returns.
    """
    shape = frozen.image_shape
    return tf.function(
        lambda images: served_answers(
            frozen.look_twice(at_size_of(shape, images), look, runtime), cost_table, look
        ),
        [spec],
    )


def _task_functions(frozen, cost_table, spec, default):
    """Returns the function of images alone, and with a calibration that with a budget."""
    shape = frozen.estimator.image_shape
    if frozen.calibration is None:

        @tf.function(input_signature=[spec])
        def by_selector(images):
            return served_answers(frozen(at_size_of(shape, images)), cost_table)

        return [by_selector]

    # A function of its own, so that its constants are saved once.
    @tf.function(input_signature=[spec, tf.TensorSpec((), tf.float32)])
    def at_price(images, price):
        return served_answers(frozen.at_price(at_size_of(shape, images), price), cost_table)

    # A constant, as the search for a price takes time.
    default_price = float(frozen.calibration.price(default)) if default else 0.0
    default_budget = tf.constant(default, tf.float32)

    @tf.function(input_signature=[spec, tf.TensorSpec((), tf.float32, name="budget")])
    def at_budget(images, budget=default_budget):
        price = tf.cond(
            budget == default, lambda: default_price, lambda: _price(frozen.calibration, budget)
        )
        return at_price(images, price)

    by_default = tf.function(lambda images: at_price(images, default_price), [spec])
    return [by_default, at_budget]


def _price(calibration, budget):
    """Returns the price of MACs for a scalar tensor, the budget of a call."""
    is_valid = (budget >= 0) & (budget <= 1)  # And is no nan.
    check = tf.debugging.Assert(is_valid, ["`budget` must be in [0, 1]. Received:", budget])
    with tf.control_dependencies([check]):
        return tf.where(budget > _OWN_CHOICE, calibration.price(budget), 0.0)


def check_calibrated(network, tasks, budget, policy):
    """Raises a `ValueError` unless tasks of a network can be held to `budget`; `None` is fine."""
    if budget is None:
        return
    check_budget_number(budget)
    second_look = is_second_look(policy, budget)
    calibrated = network.second_looks if second_look else network.calibrations
    missing = [task for task in tasks if task not in calibrated]
    if missing:
        what = "second looks set" if second_look else "calibration"
        raise ValueError(
            f"`budget` must be None where a task has no {what}, as {', '.join(missing)}. "
            f"Received: budget={budget}, policy={policy}"
        )
