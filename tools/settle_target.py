"""What a training towards a share of MACs ends with: the last bit of the way."""

from elastic_tf_tools.calibrate import selector_logits
from elastic_tf_tools.frozen_answers import FrozenAnswers

from elastic_tf.evaluation.budgets import target_prices


def settle_target(model, specs, has_validation):
    """Shifts the selector's scores so that its choice meets the target on validation images.

    Training leaves it near: the price of compute follows shares that were measured on batches.
    Nothing is done without a target or validation images, or with the paper's selector, whose
    scores have no offsets of a task.

    Args:
        model: a compiled `DeepElasticNetwork`, trained.
        specs: sequence of `TaskSpec`.
        has_validation: bool. Whether images are held out.

    Returns:
        Dict from the task's name to the price that its scores now carry; empty if nothing is done.
    """
    settings = model.settings
    targets = {spec.name: settings.target_macs_of(spec.name) for spec in specs}
    targets = {task: target for task, target in targets.items() if target is not None}
    if not targets or not has_validation or model.selector.features == "pooled":
        return {}
    answers = FrozenAnswers(model)
    logits = {spec.name: selector_logits(answers, spec) for spec in specs if spec.name in targets}
    tables = {task: model.cost_table(task) for task in targets}
    prices = target_prices(logits, tables, targets, settings.target_scope)
    for task, price in prices.items():
        model.selector.scores.shift_offsets(task, price * tables[task].block_shares)
    return prices
