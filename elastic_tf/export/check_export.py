"""Whether an export answers as the network that it was made of."""

import dataclasses

import numpy as np
import tensorflow as tf

from elastic_tf.export.image_sizes import at_size_of
from elastic_tf.policies.model_choice import ModelChoice

# Of probabilities; runtimes add in other orders. It grows with the logits from where they spread
# over more than is usual: float32 numbers are the coarser the larger they are.
TOLERANCE, ROUTED_TOLERANCE = 1e-5, 3e-5
_USUAL_SPREAD = 10.0
# Of their logarithms, as a share of the largest: it sees what is wrong with the logits where
# probabilities are 0 and 1 whatever they are.
LOG_TOLERANCE = 1e-4
_SMALLEST = 1e-30  # Of a probability; runtimes make zeros of what is much smaller.
_BATCH = 64


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far an export's answers are from those of the network, at most.

    Attributes:
        probabilities: float.
        logs: float, of the logarithms of probabilities, as a share of the largest of them.
        spread: float, the largest of these logarithms, disregarding its sign.
        other_levels: float, the share of images whose levels are others.
    """

    probabilities: float
    logs: float
    spread: float
    other_levels: float


def check_export(loaded, network, choice, images):
    """Checks that an export gives the levels and probabilities that the network does.

    An export that can be held to budgets is checked at one of them, too; one that takes images of
    any size, on some half as high and twice as wide, which the network is given at the task's size.
    Quantised models are not refused, as they differ; they are compared at the levels that they
    chose.

    Args:
        loaded: `LoadedExport`.
        network: the `ElasticNetwork`, with calibrations where there are any.
        choice: `ModelChoice` of the export.
        images: uint8 array `(batch, *image_shape)`, not empty.

    Returns:
        `Difference`, that of the check with the largest one of probabilities.

    Raises:
        ValueError: if the answers are others.
    """
    answer = _predict(loaded, images)
    found = [_largest_difference(answer, loaded, network, choice, images)]
    if loaded.takes_budget:
        budget = _middle_budget(network.calibrations[loaded.task])
        answer = _predict(loaded, images, budget)
        held = ModelChoice(budget=budget)
        found.append(_largest_difference(answer, loaded, network, held, images))
    if loaded.manifest.get("any_image_size"):
        others = _of_other_size(images)
        answer, resized = _predict(loaded, others), at_size_of(images.shape[1:], others).numpy()
        found.append(_largest_difference(answer, loaded, network, choice, resized))
    if not _is_quantised(loaded):
        for each in found:
            _check_close(loaded, each)
    return max(found, key=lambda each: each.probabilities)


def _largest_difference(answer, loaded, network, choice, images):
    """Returns the `Difference` of an export's answers from the network's.

    Images whose levels differ are compared at those of the export. They must not be more than one
    in a hundred: where two levels are worth almost the same, the last bits decide.

    Args:
        answer: dict of arrays, see `LoadedExport.predict`.
        loaded, network, choice, images: see `check_export`.

    Raises:
        ValueError: if the levels are others.
    """
    task, given = loaded.task, answer["levels"]
    levels = np.concatenate([choice.of(network, task)(part) for part in _parts(images)])
    others = np.any(given != levels, axis=1)
    if np.mean(others) > 0.01 and not _is_quantised(loaded):
        raise ValueError(
            f"The export of '{task}' must give the levels of the network; nothing was saved. "
            f"Received: others for {np.sum(others)} of {len(images)} images"
        )
    logits = [
        network.estimator(part, levels=of_part, task=task)
        for part, of_part in zip(_parts(images), _parts(given), strict=True)
    ]
    expected = tf.nn.softmax(np.concatenate(logits)).numpy()
    logs, expected_logs = _logs(answer["probabilities"]), _logs(expected)
    spread = np.abs(expected_logs).max()
    return Difference(
        float(np.abs(answer["probabilities"] - expected).max()),
        float(np.abs(logs - expected_logs).max() / spread),
        float(spread),
        float(np.mean(others)),
    )


def _is_quantised(loaded):
    return loaded.manifest["quantization"] != "none"


def tolerance(manifest, spread=1.0):
    """Returns how far probabilities of an export may be from the network's, a float.

    Args:
        manifest: dict, of the export.
        spread: float, see `Difference`. Defaults to 1, which is nothing unusual.
    """
    is_routed = manifest["dynamic"] and manifest["format"] in ("litert", "onnx")
    limit = ROUTED_TOLERANCE if is_routed else TOLERANCE
    return limit * max(1.0, spread / _USUAL_SPREAD)


def _check_close(loaded, found):
    for what, difference, limit in (
        ("probabilities", found.probabilities, tolerance(loaded.manifest, found.spread)),
        ("logarithms of them, as a share of the largest,", found.logs, LOG_TOLERANCE),
    ):
        if not difference < limit:  # Nor is nan.
            raise ValueError(
                f"The export of '{loaded.task}' must answer as the network, {what} to {limit:g}; "
                f"nothing was saved. Received: a difference of {difference:.2g}"
            )


def _middle_budget(calibration):
    """Returns a budget between the least and the most that the choice can cost, a float."""
    return float(min(1.0, np.mean(calibration.budgets[[0, -1]])))


def _of_other_size(images):
    """Returns images half as high and twice as wide, beside themselves.

    By 2, runtimes tell alike between which pixels a pixel lies. By other numbers they are off by
    some millionths, more in larger images.
    """
    return np.tile(images[:, : -(-images.shape[1] // 2)], (1, 1, 2, 1))


def _predict(loaded, images, budget=None):
    dtype = loaded.manifest["input_dtype"]
    parts = [loaded.predict(part.astype(dtype), budget) for part in _parts(images)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _parts(images):
    return [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]


def _logs(probabilities):
    return np.log(np.maximum(probabilities, _SMALLEST))
