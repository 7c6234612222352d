"""Deep Elastic Networks in Keras: one network that spends less compute on easy images.

`elastic_tf.report` and `elastic_tf.tuning` need more packages and are imported by themselves.
"""

import elastic_tf.backend
from elastic_tf.costs.cost_table import CostTable
from elastic_tf.costs.ratios import default_ratios
from elastic_tf.evaluation.answers import Answers, AnswersBySplit
from elastic_tf.evaluation.budget_curve import budget_curve, validation_figures
from elastic_tf.evaluation.budgets import calibrate, calibrate_network, settle_target
from elastic_tf.evaluation.chosen_models import route_images
from elastic_tf.evaluation.fixed_front import FixedFront, search_front
from elastic_tf.evaluation.model_search import search_fixed_models
from elastic_tf.evaluation.policy_health import PolicyHealth
from elastic_tf.evaluation.second_looks import calibrate_second_looks
from elastic_tf.evaluation.task_evaluation import evaluate_network, evaluate_task
from elastic_tf.export.check_export import check_export
from elastic_tf.export.dynamic_module import DynamicModule
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.network_export import export_network
from elastic_tf.export.options import ExportOptions
from elastic_tf.inference.frozen_estimator import FrozenEstimator
from elastic_tf.inference.frozen_network import FrozenNetwork, PortableNetwork
from elastic_tf.inference.frozen_selector import FrozenSelector, FrozenTrunkSelector
from elastic_tf.layers.block_kinds import BLOCK_KINDS, BlockKind
from elastic_tf.layers.elastic_block import ElasticBlock
from elastic_tf.layers.elastic_conv import ElasticConv2D
from elastic_tf.layers.task_batch_norm import TaskBatchNormalization
from elastic_tf.models.backbones import parse_backbone
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.estimator import Estimator
from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.models.selector import Selector
from elastic_tf.models.standalone import fixed_network, standalone_network
from elastic_tf.models.standalone_weights import load_standalone_weights
from elastic_tf.models.trunk_selector import TrunkSelector
from elastic_tf.policies.budget import BudgetCalibration
from elastic_tf.policies.model_choice import ModelChoice
from elastic_tf.policies.second_look import SecondLook, SecondLookCalibration
from elastic_tf.pretrained.add_tasks import add_tasks
from elastic_tf.pretrained.elasticize import elasticize
from elastic_tf.pretrained.initial_network import initial_network
from elastic_tf.training.callbacks import StageProgress, StepLog, StopAtStep
from elastic_tf.training.checkpoints import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StopOnSignal,
    load_checkpoint,
    load_network,
)
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from elastic_tf.training.optimizers import OptimizerSettings
from elastic_tf.training.refresh_averages import refresh_averages
from elastic_tf.training.settings import MethodSettings
from elastic_tf.training.stages import StageSchedule
from elastic_tf.version import __version__
