"""The numbers that a network computes in."""

import pathlib
import re

import tensorflow as tf

# Keras' policies. Variables, logits, losses, moments and rewards are float32 in all of them.
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
# Of NVIDIA's GPUs, the first with bfloat16 and with float16 in their matrix units.
_BFLOAT16_CAPABILITY, _FLOAT16_CAPABILITY = (8, 0), (7, 0)


def has_bfloat16_units(cpuinfo="/proc/cpuinfo"):
    """Returns whether the processor has matrix units for bfloat16 (Intel's AMX), a bool.

    Args:
        cpuinfo: path of Linux' description of the processor; where there is none, `False`.
    """
    path = pathlib.Path(cpuinfo)
    return path.exists() and re.search(r"\bamx_bf16\b", path.read_text()) is not None


def fastest_policy():
    """Returns the policy that is fastest for convolutions on this machine, a str.

    Of a GPU by its compute capability, else of the processor by its flags. Depthwise convolutions
    may be slower in it.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "mixed_bfloat16" if has_bfloat16_units() else "float32"
    details = tf.config.experimental.get_device_details(gpus[0])
    capability = details.get("compute_capability", (0, 0))
    if capability >= _BFLOAT16_CAPABILITY:
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= _FLOAT16_CAPABILITY else "float32"
