r"""Shows what a trained network's selector chooses, and for which images: a page, figures, numbers.

    python tools/analyze.py --model_dir=runs/quickstart --output_dir=runs/quickstart/report

writes report.html, one page with everything in it that needs no network; the figures 3 and 4 of
the paper's supplement and more as PNG for print; and the numbers behind them as CSV. Nothing is
trained, and nothing of the run is changed.
"""

import time

from absl import flags as absl_flags
from elastic_tf_tools import flags
from elastic_tf_tools.run_folder import batches_of, load_run

from elastic_tf.files import output_folder, read_json
from elastic_tf.report.analysis import BUDGETS, analyse
from elastic_tf.report.claims import judge_claims
from elastic_tf.report.page import write_report


def define_flags(values):
    flags.define_run(values)
    own = {"flag_values": values, "module_name": "command"}
    absl_flags.DEFINE_string("output_dir", None, "Folder for report, figures and CSV files.", **own)
    absl_flags.mark_flag_as_required("output_dir", values)
    absl_flags.DEFINE_enum(
        "split", "test", ["test", "validation"], "Which images to look at.", **own
    )
    absl_flags.DEFINE_float(
        "budget",
        None,
        "Mean MACs per image that the selector's choice is held to, in (0, 1], a share of the full "
        "model's, selector included; the selector's own choice where left out.",
        **own,
    )
    absl_flags.DEFINE_list(
        "budgets",
        list(map(str, BUDGETS)),
        "Budgets in (0, 1] to measure, where the run has calibrations; empty for no such curve.",
        **own,
    )
    flags.define_search_evaluations(values)
    absl_flags.DEFINE_integer(
        "top_models", 3, "Models of each task, and shared ones, to look at closely, >= 1.", 1, **own
    )
    absl_flags.DEFINE_integer(
        "browser_images", 12, "Images of each class in the page's browser, at most; >= 1.", 1, **own
    )


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        budgets = _budgets(values["budgets"].value)
        budget, split = values["budget"].value, values["split"].value
        if budget is not None:
            _budgets([budget], "budget")
        run, model, settings, specs = load_run(*flags.read_run(values))
        folder = output_folder(values["output_dir"].value)
        # The run's own results are of the selector's own choice on the test split.
        is_measured = split == "test" and budget is None and run.results.exists()
        began = time.monotonic()
        analysis = analyse(
            model,
            batches_of(settings.data, specs),
            {spec.name: spec.class_names(settings.data.data_dir) for spec in specs},
            split,
            budget,
            results=read_json(run.results) if is_measured else None,
            budgets=budgets,
            # Without images held out there is nothing to choose a fixed model on.
            search_evaluations=(
                values["search_evaluations"].value if settings.data.validation_share else 0
            ),
            logs=run.logs,
            top=values["top_models"].value,
            progress=lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True),
        )
    texts = (flags.serialize(*setting).split("=", 1) for setting in settings.flat().items())
    paths = write_report(analysis, folder, dict(texts), values["browser_images"].value)
    judged = {"variant": "", "settings": {}, "results": analysis.results}
    print(f"\n{judge_claims(['choice'], [judged])}\n")
    print(f"Saved: {', '.join(map(str, paths))}")


def _budgets(found, argument="budgets"):
    """Returns numbers in (0, 1], each once, as a list of float."""
    try:
        budgets = [float(each) for each in found]
    except ValueError:
        budgets = [0.0]
    if not all(0 < each <= 1 for each in budgets) or len(set(budgets)) < len(budgets):
        raise ValueError(
            f"`--{argument}` must be numbers in (0, 1], each once. "
            f"Received: {argument}={','.join(map(str, found))}"
        )
    return budgets


if __name__ == "__main__":
    flags.run(__name__)
