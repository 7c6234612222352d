"""What the report says in words and tables."""

from tools.analyzing.model_name import model_name
from tools.analyzing.shared_models import shared_models
from tools.results_table import format_gain, result_rows


def result_tables(results):
    """Returns the tables of results, a list of dicts as the template takes them."""
    return [
        {
            "task": task,
            "images": figures["num_images"],
            "rows": [
                {"name": name, "accuracy": 100 * figures["accuracy"][key], "macs": 100 * share}
                for name, key, share in result_rows(figures)
            ],
            "lines": [
                f"Gain over {name}: {format_gain(figures[key])}."
                for name, key in (
                    ("its shuffled choices", "gain_over_shuffled"),
                    ("the best fixed model", "gain_over_best_static"),
                )
                if key in figures
            ],
        }
        for task, figures in results.items()
    ]


def group_line(group, class_names):
    """Returns which classes are on a model more than by chance, str.

    Args:
        group: `ModelGroup`.
        class_names: list of str, of its task.
    """
    typical = [
        f"{class_names[each['label']]}: {100 * each['group_share']:.0f} % of its images, "
        f"{each['lift']:.1f} times the task's share"
        for each in group.typical_classes()
    ]
    images = "; ".join(typical) or "no class more than the others"
    return f"Model {model_name(group.levels)}. {images}."


def agreement_rows(agreement):
    """Returns the rows of the table of agreement, a list of dicts as the template takes them."""
    return [
        {
            "tasks": " and ".join(pair),
            "overlap": 100 * of["overlap"],
            "level_overlap": 100 * sum(of["level_overlap"]) / len(of["level_overlap"]),
            "divergence": of["divergence"],
            "shared_models": of["shared_models"],
        }
        for pair, of in agreement.items()
    ]


def shared_rows(routings, top):
    """Returns the rows of the table of shared models, a list of dicts as the template takes them.

    Args:
        routings: list of `TaskRouting`.
        top: int >= 1, rows at most.
    """
    return [
        {
            "model": model_name(model.levels),
            "shares": [100 * model.shares.get(routing.task, 0.0) for routing in routings],
        }
        for model in shared_models(routings)[:top]
    ]
