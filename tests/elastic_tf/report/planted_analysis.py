"""An analysis of two planted tasks, with everything that a figure is made of."""

import numpy as np

from elastic_tf.report.analysis import Analysis
from elastic_tf.training.stages import StageSchedule
from tests.elastic_tf.report.planted import planted_routing

_RESULTS = {
    "accuracy": {
        "selector": 0.8,
        "shuffled": 0.7,
        "level_0": 0.1,
        "level_2": 0.85,
        "best_fixed": 0.75,
    },
    "macs_share": 0.5,
    "fixed_macs_share": {"level_0": 0.05, "level_2": 1.0},
    "best_fixed": {"macs_share": 0.45},
}


def planted_analysis():
    """Returns an `Analysis`."""
    routings = [planted_routing("cats"), planted_routing("dogs", per_class=(0, 6, 1, 9))]
    names = ("full_accuracy", "accuracy", "macs_share")
    return Analysis(
        routings=routings,
        results={routing.task: _RESULTS for routing in routings},
        budget_curves={
            routing.task: {"budgets": [{"macs_share": 0.4, "accuracy": 0.75}]}
            for routing in routings
        },
        curves={
            f"{routing.task}_{name}": [(2, 0.1), (8, 0.3)] for routing in routings for name in names
        },
        stages=StageSchedule(4, rounds=2, selector_steps=2, estimator_steps=3),
        ratios=np.array([[0.0, 0.5, 1.0]] * 2),
    )
