"""A finished run of random weights."""

from elastic_tf_tools.run_directory import RunDirectory

from elastic_tf.training.callbacks import save_atomically
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests.testing import randomise

TASKS = {
    "digits": {"image_shape": (8, 8, 1), "num_classes": 10},
    "fashion_mnist_small": {"image_shape": (28, 28, 1), "num_classes": 10},
}


def save_run(path, tasks=("digits",), validation_share=0.1, seed=0):
    """Makes the folder of a finished run and returns its `RunDirectory` and network."""
    run = RunDirectory(path)
    run.claim({"tasks": list(tasks), "validation_share": validation_share})
    network = DeepElasticNetwork(
        {task: TASKS[task] for task in tasks}, backbone="wrn-8-1", trunk_size=4
    )
    randomise(network.estimator, seed)
    randomise(network.selector, seed)
    save_atomically(network, run.model)
    return run, network
