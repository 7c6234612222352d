"""Searching for the hierarchy and the settings of a network, with KerasTuner."""

from elastic_tf.tuning.hypermodel import ElasticHyperModel
from elastic_tf.tuning.objectives import OBJECTIVES, Objective
from elastic_tf.tuning.search_space import TUNABLES, SearchSpace

__all__ = ["OBJECTIVES", "TUNABLES", "ElasticHyperModel", "Objective", "SearchSpace"]
