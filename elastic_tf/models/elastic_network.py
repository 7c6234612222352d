"""Estimator and selector together: a network that picks its own width per image."""

import functools

import keras
import numpy as np
import tensorflow as tf

from elastic_tf.layers.task_layers import check_image_shape
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.network_settings import NETWORK, SELECTORS, TRUNK, NetworkSettings
from elastic_tf.models.no_selector import NoSelector
from elastic_tf.models.precision import POLICIES
from elastic_tf.models.selector import Selector
from elastic_tf.models.tasks import check_finite, check_task, validate_tasks, warn_of_pixels
from elastic_tf.models.trunk_selector import TrunkSelector
from elastic_tf.policies.budget import BudgetCalibration, levels_at_budget
from elastic_tf.policies.sampling import fixed_model
from elastic_tf.policies.second_look import (
    SECOND_LOOK,
    SecondLookCalibration,
    is_second_look,
    look_at_budget,
)
from elastic_tf.settings import Configured


@keras.saving.register_keras_serializable("elastic_tf")
class ElasticNetwork(Configured, keras.Model):
    """Runs each image on the model that the selector chooses for it.

    This class is the network as it is used; `DeepElasticNetwork` adds how it is trained.

    Args:
        tasks: dict from task name to `{"image_shape": (height, width, channels),
            "num_classes": int}`.
        Others: the settings of `NetworkSettings`, which says what each is; `ratios` are as of
            `Estimator`, `None` for the paper's four levels. `selector_kind` is its `selector`.
        own_scores: as of `LevelScores`. Defaults to none; `add_tasks` has those it adds.
        dtype: Keras policy or its name: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`, in
            which the blocks compute. Logits, moments and the selector's scores are float32
            whatever it is. Defaults to Keras' global policy.

    Call arguments:
        inputs: dict from task name to images `(batch, height, width, channels)`, pixels in
            0..255; tasks may be left out. Or, with `task`, the images alone.
        task: str or `None`.
        training: bool. Defaults to `False`.
        return_levels: bool. Defaults to `False`.
        budget: float in (0, 1] or scalar tensor: the mean MACs per image as a share of the full
            model's, selector included. Defaults to `None`, the selector's own choice.
        policy: what keeps to a budget: `"second_look"`, the default, a `SecondLook`, for which the
            budget must be a number; or `"selector"`, a price on its scores.

    Attributes:
        calibrations, second_looks: dicts from task name to the `BudgetCalibration` or
            `SecondLookCalibration` that calls with a budget need. Empty at first. `save` and
            `save_weights` keep them; loading replaces them, by none where the file holds none.

    Returns:
        For a dict, a dict from task name to what one task gives: logits `(batch, num_classes)`;
        with `return_levels`, `{"logits": ..., "levels": int32 (batch, blocks)}`, of a second look
        the levels of the model whose answer counts, and `"seen_twice": bool (batch,)`.

    Raises:
        ValueError: if an argument is not usable.

    Reference: Ahn et al., 2019 (arXiv 1909.04860).
    """

    def __init__(
        self,
        tasks,
        backbone=NetworkSettings.backbone,
        ratios=NetworkSettings.ratios,
        selector_hidden_ratio=NetworkSettings.selector_hidden_ratio,
        trunk_size=NetworkSettings.trunk_size,
        input_size=NetworkSettings.input_size,
        selector_trunk_size=NetworkSettings.selector_trunk_size,
        selector_features=NetworkSettings.selector_features,
        execution=NetworkSettings.execution,
        momentum=NetworkSettings.momentum,
        own_scores=(),
        selector_kind=NetworkSettings.selector,
        **kwargs,
    ):
        super().__init__(**({"autocast": False} | kwargs))
        if selector_kind not in SELECTORS:
            raise ValueError(
                f"`selector_kind` must be one of {SELECTORS}. Received: {selector_kind=}"
            )
        if self.dtype_policy.name not in POLICIES:
            raise ValueError(
                f"`dtype`, by default Keras' policy, must be one of {POLICIES}. "
                f"Received: dtype={self.dtype_policy.name}"
            )
        self.tasks = validate_tasks(tasks)
        self.backbone = backbone
        self.ratios = ratios
        self.selector_hidden_ratio = selector_hidden_ratio
        self.trunk_size = trunk_size
        self.input_size = input_size
        self.selector_trunk_size = selector_trunk_size
        self.selector_features = selector_features
        self.execution = execution
        self.momentum = momentum
        self.own_scores = tuple(own_scores)
        self.selector_kind = selector_kind
        self.calibrations = {}
        self.second_looks = {}
        self._predict_options = {"return_levels": False, "budget": None, "policy": SECOND_LOOK}
        self._predict_calibrations = {}
        shared = {"backbone": backbone, "momentum": momentum, "dtype": self.dtype_policy}
        self.estimator = Estimator(
            self.tasks,
            ratios=ratios,
            trunk_size=trunk_size,
            input_size=input_size,
            execution=execution,
            name="estimator",
            **shared,
        )
        size = {"num_blocks": self.num_blocks, "num_levels": self.num_levels}
        shared |= {"features": selector_features, "own_scores": own_scores, "name": "selector"}
        if selector_kind == NETWORK:
            self.selector = Selector(
                self.tasks,
                hidden_ratio=selector_hidden_ratio,
                trunk_size=selector_trunk_size or trunk_size,
                **size,
                **shared,
            )
        elif selector_kind == TRUNK:
            self.selector = TrunkSelector(self.tasks, num_levels=self.num_levels, **shared)
        else:
            self.selector = NoSelector(**size, name="selector")
        # Estimator and selector have made their variables; `build` would have nothing to do, and
        # would keep subclasses from adding state of their own.
        self.built = True

    @property
    def num_blocks(self):
        return self.estimator.num_blocks

    @property
    def num_levels(self):
        return self.estimator.num_levels

    def call(
        self,
        inputs,
        task=None,
        training=False,
        return_levels=False,
        budget=None,
        policy=SECOND_LOOK,
    ):
        answers = functools.partial(
            self._call_task, training=training, budget=budget, policy=policy
        )
        if task is not None:
            return _as_wanted(answers(inputs, task), return_levels)
        if not isinstance(inputs, dict):
            raise ValueError(
                "`inputs` must be a dict from task name to images, or `task` must be given. "
                f"Received: inputs of type {type(inputs).__name__}, task=None"
            )
        return {
            name: _as_wanted(answers(images, name), return_levels)
            for name, images in inputs.items()
        }

    def _call_task(self, images, task, training, budget, policy):
        if is_second_look(policy, budget):
            return self._look_twice(images, task, training, self.second_look(task, budget))
        levels = self.select_levels(images, task, budget)
        logits = self.estimator(images, levels=levels, task=task, training=training)
        return {"logits": logits, "levels": levels}

    def _look_twice(self, images, task, training, look):
        """Answers twice from the start; `FrozenNetwork` keeps features, and gives the same."""

        def at(levels, images):
            levels = fixed_model(tf.shape(images)[0], levels)
            return self.estimator(images, levels=levels, task=task, training=training)

        images = tf.convert_to_tensor(images)
        logits = at(look.first, images)
        seen_twice = look.is_unsure(logits)
        again = at(look.second, tf.boolean_mask(images, seen_twice))
        logits = tf.tensor_scatter_nd_update(logits, tf.where(seen_twice), again)
        return {"logits": logits, "levels": look.levels_of(seen_twice), "seen_twice": seen_twice}

    def second_look(self, task, budget):
        """Returns the `SecondLook` of a task that keeps to a budget.

        Args:
            task: str.
            budget: float in (0, 1], the mean MACs per image as a share of the full model's.

        Raises:
            ValueError: if `budget` is no such number, or there are no second looks of the task.
        """
        return look_at_budget(budget, self.second_looks.get(task))

    def select_levels(self, images, task, budget=None):
        """Returns the selected level of each block, int32 `(batch, blocks)`.

        Args:
            images: tensor `(batch, height, width, channels)`, pixels in 0..255.
            task: str.
            budget: see the call arguments.

        Raises:
            ValueError: if an argument is not usable, or there is a budget and no calibration.
        """
        return self.score(images, task, budget)[1]

    def score(self, images, task, budget=None):
        """Returns the selector's scores of the levels, and the levels selected.

        Those of a selector in the trunk depend on the levels selected before, which are run for
        them.

        Args:
            images, task, budget: see `select_levels`.

        Returns:
            float32 `(batch, blocks, levels)`; int32 `(batch, blocks)`.
        """
        shares, calibration = self.cost_table(task).block_shares, self.calibrations.get(task)

        def pick(scores, blocks):
            return levels_at_budget(scores, shares[blocks], budget, calibration)

        if self.selector_kind == TRUNK:
            routed = self.selector.route(self.estimator, images, task, pick)
            return routed.scores, routed.levels
        scores = self.selector(images, task=task)
        return scores, pick(scores, slice(None))

    def predict(self, x, return_levels=False, budget=None, policy=SECOND_LOOK, **kwargs):
        """Like `keras.Model.predict`, for a dict of tasks; on request with levels, at a budget.

        Args:
            x: dict from task name to images, as many of each task as there are; or a
                `tf.data.Dataset` of such dicts.
            return_levels: bool. Defaults to `False`.
            budget: float in (0, 1] or `None`, see the call arguments.
            policy: see the call arguments. Defaults to `"second_look"`.
            **kwargs: of `keras.Model.predict`.

        Returns:
            As `call`, in NumPy arrays.

        Raises:
            ValueError: if `budget` is out of range, or there is no calibration for it; if `x` is
                not usable; if a weight is infinite or not a number.
        """
        check_finite(self)
        x = self._checked(x)
        warn_of_pixels(x)
        options = {"return_levels": return_levels, "budget": budget, "policy": policy}
        # They are constants of the graph.
        of_budget = self.second_looks if policy == SECOND_LOOK else self.calibrations
        calibrations = {} if budget is None else dict(of_budget)
        if (options, calibrations) != (self._predict_options, self._predict_calibrations):
            self._predict_options, self._predict_calibrations = options, calibrations
            self.predict_function = None
        predict = super().predict
        lengths = [len(images) for images in x.values()] if isinstance(x, dict) else [1]
        if min(lengths) == max(lengths) > 0:
            return predict(x, **kwargs)
        # Keras takes arrays of one length only, and none that are empty.
        return {
            task: predict({task: images}, **kwargs)[task] if len(images) else self._empty(task)
            for task, images in x.items()
        }

    def _empty(self, task):
        images = tf.zeros((0, *self.tasks[task]["image_shape"]))
        answers = self(images, task=task, **self._predict_options)
        return tf.nest.map_structure(np.asarray, answers)

    def _checked(self, x):
        """Returns what `predict` is given, lists as arrays, or says in one line what is wrong."""
        if isinstance(x, tf.data.Dataset):
            inputs, _, _ = keras.utils.unpack_x_y_sample_weight(x.element_spec)
        elif isinstance(x, (dict, list, np.ndarray, tf.Tensor)):
            inputs = x
        else:
            return x
        if not isinstance(inputs, dict) or not inputs:
            raise ValueError(
                "`x` must be a dict from task name to images, or a data set of such dicts. "
                f"Received: {type(inputs).__name__}"
            )
        if isinstance(x, dict):
            x = inputs = {
                task: images if hasattr(images, "shape") else np.asarray(images)
                for task, images in x.items()
            }
        for task, images in inputs.items():
            check_task(task, self.tasks)
            check_image_shape(images.shape, task, self.tasks[task]["image_shape"])
        return x

    def predict_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self(images, training=False, **self._predict_options)

    def cost_table(self, task):
        """Returns the `CostTable` of a task's models, selector included."""
        check_task(task, self.tasks)
        return self.estimator.cost_table(task, selector_macs=self.selector.macs(task))

    def save_own_variables(self, store):
        """Saves what budgets need beside the network's own variables; Keras calls it."""
        super().save_own_variables(store)
        for task, calibration in self.calibrations.items():
            store[f"{task}_budgets"] = calibration.budgets
            store[f"{task}_prices"] = calibration.prices
        for task, calibration in self.second_looks.items():
            models, numbers = calibration.as_arrays()
            store[f"{task}_look_models"] = models
            store[f"{task}_look_numbers"] = numbers

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved; Keras calls it."""
        own = {key: store[key] for key in store.keys()}
        self.calibrations = {
            task: BudgetCalibration(own.pop(f"{task}_budgets"), own.pop(f"{task}_prices"))
            for task in self.tasks
            if f"{task}_budgets" in own
        }
        self.second_looks = {
            task: SecondLookCalibration.from_arrays(
                own.pop(f"{task}_look_models"), own.pop(f"{task}_look_numbers")
            )
            for task in self.tasks
            if f"{task}_look_models" in own
        }
        super().load_own_variables(own)


def _as_wanted(answers, return_levels):
    return answers if return_levels else answers["logits"]
