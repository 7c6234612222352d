r"""Shows what a trained network's selector chooses, and for which images: a page, figures, numbers.

    python tools/analyze.py --model_dir=runs/quickstart --output_dir=runs/quickstart/report

writes report.html, one page with everything in it that needs no network; the figures 3 and 4 of
the paper's supplement and more as PNG for print; and the numbers behind them as CSV. Nothing is
trained, and nothing of the run is changed.
"""

import time

from absl import app, flags
from elastic_tf_tools import budget_curve as budget_curve_tool
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.evaluate import budget_prices, evaluate_tasks, load_run, split_batches
from elastic_tf_tools.output_folder import make_output_folder
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import read_json
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

import pipelines
from elastic_tf.evaluation.budgets import budget_curve
from elastic_tf.report.analysis import Analysis, read_curves
from elastic_tf.report.claims import CHOICE_CLAIM, format_claim, judge_choices
from elastic_tf.report.csv_files import (
    write_agreement,
    write_groups,
    write_levels,
    write_models,
    write_shared_models,
)
from elastic_tf.report.page import (
    agreement_rows,
    browser_data,
    draw_figures,
    figure_sections,
    result_tables,
    shared_rows,
    write_report,
)
from elastic_tf.report.routing import route_task, shared_models
from elastic_tf.report.style import save_png
from elastic_tf.version import __version__

FLAGS = flags.FLAGS
SHARED_ROWS = 5  # In the page's table; the CSV file has all.

flags.DEFINE_integer(
    "top_models", 3, "Models of each task, and shared ones, to look at closely, >= 1.", 1
)
flags.DEFINE_integer(
    "browser_images", 12, "Images of each class in the page's browser, at most; >= 1.", 1
)
flags.DEFINE_bool(
    "budget_curve", True, "Whether to measure --budgets, where the run has a calibration."
)
flags.adopt_module_key_flags(budget_curve_tool)  # So that --help shows them.
flags.declare_key_flag("budget")


def define_output_dir(values):
    """Adds --output_dir to `absl.flags.FlagValues`.

    It is not defined on import, as other scripts have a flag of the same name.
    """
    flags.DEFINE_string(
        "output_dir", None, "Folder for report.html, figures and CSV files.", flag_values=values
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run, model, specs = load_run(FLAGS.model_dir)
        prices = budget_prices(run, specs) or dict.fromkeys(model.tasks, 0.0)
        folder = make_output_folder(FLAGS.output_dir)
        began = time.monotonic()
        routings = [_route(model, spec, prices[spec.name], began) for spec in specs]
        results = _results(run, model, specs, prices)
        _say(began, "results")
        curves = _budget_curves(run, model, specs, began)
    channels = model.cost_table(routings[0].task).channels
    analysis = Analysis(
        routings=routings,
        results=results,
        budget_curves=curves,
        curves=read_curves(run.logs)["validation"],
        stages=getattr(model, "stages", None),
        ratios=channels / channels[:, -1:],
        top=FLAGS.top_models,
    )
    paths = _write(analysis, folder, run, model)
    verdicts = judge_choices([analysis.results], model.num_levels)
    print(f"\n{format_claim(CHOICE_CLAIM, verdicts)}\n")
    print(f"Saved: {', '.join(map(str, paths))}")


def _route(model, spec, price, began):
    batches = split_batches(spec, FLAGS.split)
    names = pipelines.class_names(spec, FLAGS.data_dir)
    routing = route_task(model, batches, spec.name, names, price)
    _say(began, f"{spec.name}: {len(routing):,} images on {len(routing.chosen.counts):,} models")
    return routing


def _results(run, model, specs, prices):
    """Returns the run's own results where they are of the same choice, and measures it if not."""
    if FLAGS.split == "test" and FLAGS.budget is None and run.results.exists():
        saved = read_json(run.results)
        if set(saved) == {spec.name for spec in specs}:
            return saved
    return evaluate_tasks(model, specs, FLAGS.split, prices)


def _budget_curves(run, model, specs, began):
    if not FLAGS.budget_curve or not run.calibration.exists():
        return None
    calibrations = read_calibrations(run.calibration, [spec.name for spec in specs])
    budgets = sorted(map(float, FLAGS.budgets))
    curves = {}
    for spec in specs:
        batches = split_batches(spec, FLAGS.split)
        curves[spec.name] = budget_curve(
            model, batches, spec.name, calibrations[spec.name], budgets
        )
        _say(began, f"{spec.name}: {len(budgets)} budgets")
    return curves


def _write(analysis, folder, run, model):
    """Writes all files and returns their paths, a list."""
    paths = []

    def path(name):
        paths.append(folder / name)
        return paths[-1]

    _write_report(path("report.html"), analysis, run, model)
    for name, figure in draw_figures(analysis).items():
        save_png(figure, path(f"{name}.png"))
    write_models(path("figure_3a_models.csv"), analysis.distributions)
    write_levels(path("figure_3b_levels.csv"), analysis.level_means)
    groups = [(task, group) for task, of_task in analysis.groups.items() for group in of_task]
    write_groups(path("figure_4_groups.csv"), groups, analysis.class_names)
    shared = [pair for model in analysis.shared_groups for pair in model.items()]
    write_groups(path("figure_4_shared.csv"), shared, analysis.class_names)
    write_agreement(path("task_agreement.csv"), analysis.agreement)
    write_shared_models(path("shared_models.csv"), shared_models(analysis.routings))
    return paths


def _write_report(path, analysis, run, model):
    tasks = list(analysis.class_names)
    full_macs = {task: model.cost_table(task).full_macs for task in tasks}
    write_report(
        path,
        title=f"{model.backbone} on {', '.join(tasks)}",
        summary=f"{model.num_blocks} blocks of {model.num_levels} levels, "
        f"{model.num_levels**model.num_blocks:,} candidate models in "
        f"{model.estimator.count_params():,} weights{_at_budget()}.",
        split=FLAGS.split,
        tables=result_tables(analysis.results),
        figures=figure_sections(analysis),
        agreement=agreement_rows(analysis.agreement),
        shared=shared_rows(analysis.routings, SHARED_ROWS),
        browser=browser_data(analysis.routings, FLAGS.browser_images, full_macs),
        settings=sorted(run.read_flags().items()),
        version=__version__,
    )


def _at_budget():
    return f"; the selector is held to {100 * FLAGS.budget:g} % of the MACs" if FLAGS.budget else ""


def _say(began, text):
    print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True)


if __name__ == "__main__":
    define_output_dir(FLAGS)
    for _name in ("model_dir", "output_dir"):
        flags.mark_flag_as_required(_name)
    app.run(main)
