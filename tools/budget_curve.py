r"""Measures a trained network at several budgets: a table, CSV, JSON and a plot.

    python tools/budget_curve.py --model_dir=runs/quickstart --output_dir=runs/quickstart/budgets

Nothing is trained; the run needs a calibration.json, which tools/train.py and tools/calibrate.py
make.
"""

from absl import app, flags
from elastic_tf_tools.benchmarking.output_file import check_output_file
from elastic_tf_tools.budget_plot import write_budget_plot
from elastic_tf_tools.budget_report import format_curves, write_csv
from elastic_tf_tools.calibration_file import read_calibrations
from elastic_tf_tools.evaluate import load_run, split_batches
from elastic_tf_tools.output_folder import make_output_folder
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import write_json
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from elastic_tf.evaluation.budgets import budget_curve

FLAGS = flags.FLAGS

flags.DEFINE_list(
    "budgets",
    ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"],
    "Mean MACs per image in (0, 1], each once, shares of the full model's, selector included.",
)
for _name in ("model_dir", "split", "tasks", "data_dir", "cache_dir", "eval_batch_size"):
    flags.declare_key_flag(_name)  # So that --help shows them.


@flags.validator("budgets", "must be numbers in (0, 1], each once")
def _budgets_are_valid(texts):
    try:
        budgets = [float(text) for text in texts]
    except ValueError:
        return False
    return bool(budgets) and all(0 < b <= 1 for b in budgets) and len(set(budgets)) == len(budgets)


def define_output_dir(values):
    """Adds --output_dir to `absl.flags.FlagValues`.

    It is not defined on import, as other scripts have a flag of the same name.
    """
    flags.DEFINE_string(
        "output_dir", None, "Folder for budget_curve.csv, .json and .png.", flag_values=values
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        run, model, specs = load_run(FLAGS.model_dir)
        calibrations = read_calibrations(run.calibration, [spec.name for spec in specs])
        paths = _output_files()
        budgets = sorted(map(float, FLAGS.budgets))
        curves = {
            spec.name: budget_curve(
                model,
                split_batches(spec, FLAGS.split),
                spec.name,
                calibrations[spec.name],
                budgets,
            )
            for spec in specs
        }
    print(f"On the {FLAGS.split} split:\n\n{format_curves(curves)}")
    settings = {"model_dir": str(run.path), "split": FLAGS.split, "backbone": model.backbone}
    write_csv(paths["csv"], curves)
    write_json(paths["json"], {"settings": settings, "tasks": curves})
    write_budget_plot(paths["png"], curves, f"{model.backbone}, {FLAGS.split} split")
    print(f"\nSaved: {', '.join(map(str, paths.values()))}")


def _output_files():
    """Returns the paths of what is written, after a check that it can be."""
    folder = make_output_folder(FLAGS.output_dir)
    paths = {end: folder / f"budget_curve.{end}" for end in ("csv", "json", "png")}
    for path in paths.values():
        check_output_file("output_dir", path)
    return paths


if __name__ == "__main__":
    define_output_dir(FLAGS)
    for _name in ("model_dir", "output_dir"):
        flags.mark_flag_as_required(_name)
    app.run(main)
