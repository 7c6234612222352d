"""The devices that a training takes: of this machine, or of all that TF_CONFIG names.

Without GPUs, `--devices=2` makes two devices of the CPU, to see that a training on several goes.
"""

import functools
import json
import os
import typing

from elastic_tf_tools import flags

import tensorflow as tf

from elastic_tf.replicas import machines

_ALL = "all"


class Devices(typing.NamedTuple):
    """What a training runs on.

    Attributes:
        strategy: `tf.distribute.Strategy`.
        is_chief: bool. Whether this process, one for each machine, writes and measures.
        text: str, what they are.
    """

    strategy: tf.distribute.Strategy
    is_chief: bool
    text: str

    @property
    def count(self):
        return self.strategy.num_replicas_in_sync

    @property
    def machines(self):
        return machines(self.strategy)

    def check_batches(self, sizes):
        """Raises a `ValueError` for a batch that they cannot share; `sizes` are those of tasks."""
        for task, size in sizes.items():
            if size % self.count:
                raise ValueError(
                    f"`--batch_size` must be a multiple of {self.count} for each task, as there "
                    f"are {self.count} devices. Received: {task}={size}"
                )


def define_devices(values):
    """Defines --devices."""
    define = functools.partial(flags.define, values)
    define(
        "devices",
        "1",
        "GPUs of this machine to train on, 'all' or how many; without GPUs, parts of its CPU. They "
        "share the batches. On several machines, as TF_CONFIG has them, of each, and the output "
        "directory is one that all of them see.",
        str,
    )


def find_devices(wanted):
    """Returns `Devices`; to be called before TensorFlow has used any.

    Args:
        wanted: str, the flag.

    Raises:
        ValueError: if there are not as many, or TF_CONFIG cannot be used.
    """
    count = _count(wanted)
    workers, number = _cluster()
    if workers > 1:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif count > 1:
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    text = kind if count == 1 else f"{count} {kind}s"
    return Devices(strategy, number == 0, f"{workers} machines, {text}" if workers > 1 else text)


def _count(wanted):
    """Returns how many devices this process takes, and lets TensorFlow see no others."""
    gpus = tf.config.list_physical_devices("GPU")
    count = max(1, len(gpus)) if wanted == _ALL else int(wanted) if wanted.isdecimal() else 0
    if count < 1 or (gpus and count > len(gpus)):
        raise ValueError(
            f"`--devices` must be '{_ALL}', or a number from 1 to that of the GPUs here, "
            f"{len(gpus)}. Received: devices={wanted}"
        )
    if gpus:
        tf.config.set_visible_devices(gpus[:count], "GPU")
    elif count > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(cpu, parts)
    return count


def _cluster():
    """Returns how many machines TF_CONFIG names, and which of them this is, the first is 0."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 1, 0
    try:
        found = json.loads(text)
        workers, task = found["cluster"]["worker"], found["task"]
        number = task["index"]
        is_right = task["type"] == "worker" and set(found["cluster"]) == {"worker"}
        if not is_right or not 0 <= number < len(workers):
            raise ValueError(text)
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": '
            f'"worker", "index": 0}}}}, as JSON. Received: TF_CONFIG={text}'
        ) from None
    return len(workers), number
