"""What every test process has: quiet start, two devices, and an answer to interruptions."""

import gc
import os
import signal

# Before TensorFlow, whose lines at its start it holds back (and shows if that fails).
import elastic_tf_tools  # noqa: F401

# There are as many test processes as cores; what they start inherits it.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import tensorflow as tf

# Some tests interrupt themselves. A process that was started in the background ignores that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tracing makes objects by the million, most of which stay: to look through them less often saves a
# twentieth of the time of the tests.
gc.set_threshold(100_000, 20, 100)

# So that training on several devices can be tested. Before TensorFlow starts; afterwards their
# number is fixed.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
