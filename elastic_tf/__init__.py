"""Deep Elastic Networks in Keras: one network that spends less compute on easy images."""

from elastic_tf.costs.cost_table import CostTable
from elastic_tf.costs.ratios import default_ratios
from elastic_tf.export.dynamic_module import DynamicModule
from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_network import FrozenNetwork, FrozenSelector, PortableNetwork
from elastic_tf.layers.blocks import ElasticResidualBlock, ElasticVggBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.selector import Selector
from elastic_tf.models.standalone import fixed_network, standalone_network
from elastic_tf.models.standalone_weights import load_standalone_weights
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from elastic_tf.version import __version__

__all__ = [
    "BudgetCalibration",
    "CostTable",
    "DeepElasticNetwork",
    "DynamicModule",
    "ElasticConv2D",
    "ElasticNetwork",
    "ElasticVggBlock",
    "ElasticResidualBlock",
    "Estimator",
    "FrozenEstimator",
    "FrozenNetwork",
    "FrozenSelector",
    "MethodSettings",
    "NetworkSettings",
    "OptimizerSettings",
    "PortableNetwork",
    "Selector",
    "StageSchedule",
    "TaskBatchNormalization",
    "__version__",
    "default_ratios",
    "fixed_network",
    "load_standalone_weights",
    "parse_backbone",
    "standalone_network",
]
