r"""Shows what a trained network's selector chooses, and for which images: a page, figures, numbers.

    python tools/analyze.py --model_dir=runs/quickstart --output_dir=runs/quickstart/report

writes report.html, one page with everything in it that needs no network; the figures 3 and 4 of
the paper's supplement and more as PNG for print; and the numbers behind them as CSV. Nothing is
trained, and nothing of the run is changed.
"""

import functools
import time

from elastic_tf_tools import flags
from elastic_tf_tools.run_folder import batches_of, load_run, training_batches_of

from elastic_tf.export.manifest import model_hash
from elastic_tf.files import output_folder, read_json
from elastic_tf.models.network_settings import NONE
from elastic_tf.report.analysis import BUDGETS, analyse
from elastic_tf.report.claims import judge_claims
from elastic_tf.report.page import write_report


def define_flags(values):
    flags.define_run(values)
    define = functools.partial(flags.define, values)
    define("output_dir", None, "Folder for report, figures and CSV files.", str, is_required=True)
    define("split", "test", "Which images to look at.", str, choices=("test", "validation"))
    flags.define_budget(values)
    define(
        "budgets",
        BUDGETS,
        "Budgets to measure, where the run has calibrations; empty for no such curve.",
        float,
        above=0.0,
        high=1.0,
        is_list=True,
    )
    flags.define_search_evaluations(values)
    define(
        "comparisons",
        (),
        "Files comparison.json of benchmark --exports, one for a task: what has been timed.",
        str,
        is_list=True,
    )
    define("top_models", 3, "Models of each task, and shared ones, to look at closely.", int, low=1)
    define("browser_images", 12, "Images of each class in the page's browser, at most.", int, low=1)


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        budget, split = values["budget"].value, values["split"].value
        run, model, settings, specs = load_run(*flags.read_run(values))
        folder = output_folder(values["output_dir"].value)
        comparisons = _read_comparisons(values["comparisons"].value, run, model)
        # The run's own results are of the selector's own choice on the test split.
        is_measured = split == "test" and budget is None and run.results.exists()
        began = time.monotonic()
        analysis = analyse(
            model,
            batches_of(settings.data, specs),
            settings.data.class_names(specs),
            split,
            budget,
            results=run.read_results() if is_measured else None,
            budgets=values["budgets"].value,
            search_evaluations=settings.search_evaluations(
                values["search_evaluations"].value, specs
            ),
            training_batches=training_batches_of(settings, specs),
            logs=run.logs,
            comparisons=comparisons,
            top=values["top_models"].value,
            progress=lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True),
        )
    texts = (flags.serialize(*setting).split("=", 1) for setting in settings.flat().items())
    paths = write_report(analysis, folder, dict(texts), values["browser_images"].value)
    if model.selector_kind != NONE:
        judged = {"variant": "", "settings": {}, "results": analysis.results}
        print(f"\n{judge_claims(['choice'], [judged])}\n")
    print(f"Saved: {', '.join(map(str, paths))}")


def _read_comparisons(paths, run, model):
    """Returns what was timed, a dict from task to the rows of a comparison of this very model."""
    found, digest = {}, model_hash(run.model) if paths else None
    for path in paths:
        read = read_json(path)
        about, rows = read.get("settings"), read.get("rows")
        same = about and rows and about.get("model_sha256") == digest
        if not same or about["task"] not in model.tasks or about["task"] in found:
            raise ValueError(
                "`--comparisons` must hold files of `benchmark --exports` of the model in "
                f"--model_dir, one for a task. Received: {path}"
            )
        found[about["task"]] = rows[1:]  # The first is the network under Python.
    return found


if __name__ == "__main__":
    flags.run(__name__)
