"""Two logical devices for every test process, so that training on several can be tested."""

import tensorflow as tf

# Before TensorFlow starts; afterwards the number of devices is fixed.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
