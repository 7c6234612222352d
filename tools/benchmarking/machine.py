"""On what the benchmark ran, for the record."""

import os
import pathlib
import platform
import re

import tensorflow as tf

import elastic_tf


def describe_machine():
    """Returns device, cores, threads and versions, a dict of JSON values.

    Threads are TensorFlow's settings; 0 leaves the number to TensorFlow.
    """
    threading = tf.config.threading
    return {
        "device": device_name(),
        "cores": len(os.sched_getaffinity(0)),
        "intra_op_threads": threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": threading.get_inter_op_parallelism_threads(),
        "tensorflow_version": tf.__version__,
        "elastic_tf_version": elastic_tf.__version__,
        "python_version": platform.python_version(),
    }


def device_name():
    """Returns kind and model of the device that TensorFlow runs on, a str."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU: {details.get('device_name', 'unknown')}"
    return f"CPU: {_cpu_name()}"


def _cpu_name():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    found = cpuinfo.exists() and re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M)
    return found[1] if found else platform.machine()
