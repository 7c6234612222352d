r"""Searches a trained network for its best fixed models: one for every limit of MACs.

    python tools/search_models.py --model_dir=runs/quickstart --output_dir=runs/quickstart/models

Nothing is trained: models share their weights, and each is evaluated as it is, on validation
images; where there are no more than --evaluations, all of them. What has been found is measured on
the test split once, at the end, beside the selector's choice. One of the models as a plain network:
tools/export.py --levels=2-1-2.
"""

import time

from absl import app, flags
from elastic_tf_tools.evaluate import load_run, split_batches
from elastic_tf_tools.output_folder import make_output_folder
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.run_directory import write_json
from elastic_tf_tools.searching.models_plot import draw_models
from elastic_tf_tools.searching.models_table import format_models, write_models_csv
from elastic_tf_tools.studying.text_file import write_text
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from elastic_tf.evaluation.answers import Answers
from elastic_tf.evaluation.fixed_models import ALGORITHMS, EVOLUTION, ModelSearch
from elastic_tf.policies.sampling import greedy
from elastic_tf.report.style import save_png

FLAGS = flags.FLAGS

_FILES = ("table.md", "models.csv", "models.png", "models.json")

for _name in ("model_dir", "tasks", "data_dir", "cache_dir", "eval_batch_size"):
    flags.declare_key_flag(_name)  # So that --help shows them.


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("output_dir", None, "Folder for table.md, models.csv, models.png.", values)
    flags.DEFINE_enum(
        "algorithm",
        EVOLUTION,
        ALGORITHMS,
        "How new models are found: changes of the best ones, or chance.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "evaluations", 300, "Models tried of each task, >= 1.", 1, flag_values=values
    )
    flags.DEFINE_list(
        "macs_limits",
        ["0.2", "0.3", "0.4", "0.5", "0.6", "0.8"],
        "MACs that a fixed model may have, in (0, 1], each once, shares of the full model's.",
        values,
    )
    flags.DEFINE_integer("search_seed", 0, "Seed of the search, >= 0.", 0, flag_values=values)


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        limits = _limits()
        run, model, specs = load_run(FLAGS.model_dir)
        if not FLAGS.validation_share:
            raise ValueError(
                "`--model_dir` must hold a run with validation images to search on. "
                f"Received: model_dir={run.path}, with --validation_share=0"
            )
        _check_limits(model, specs, limits)
        folder = make_output_folder(FLAGS.output_dir or "")
    found = {spec.name: _search(model, spec, limits) for spec in specs}
    _write(folder, found, {"model_dir": str(run.path), "backbone": model.backbone})


def _search(model, spec, limits):
    """Returns what is found for a task, a dict of plain values; see `format_models`."""
    table = model.cost_table(spec.name)
    held_out = Answers(model, split_batches(spec, "validation"), spec.name)
    search = ModelSearch(
        lambda levels: held_out.are_right(levels).mean(),
        table.block_macs,
        table.fixed_macs,
        FLAGS.search_seed,
    )
    most = [limit * table.full_macs for limit in limits]
    search.try_uniform(evaluations=FLAGS.evaluations)
    _run_with_progress(search, most, spec.name)
    found = [{"limit": limit} | search.best(macs) for limit, macs in zip(limits, most, strict=True)]
    test = held_out.on(split_batches(spec, "test"))
    return {
        "num_candidates": table.num_levels**table.num_blocks,
        "tried": [
            {
                "levels": list(levels),
                "macs_share": search.macs(levels) / table.full_macs,
                "validation_accuracy": accuracy,
            }
            for levels, accuracy in search.found.items()
        ],
        "best": [
            {"limit": best["limit"], "levels": best["levels"]}
            | {"macs_share": best["macs"] / table.full_macs}
            | _accuracies(held_out, test, best["levels"], best["levels"])
            for best in found
        ],
        "selector": _selector(held_out, test, table),
    }


def _selector(held_out, test, table):
    chosen = greedy(test.logits).numpy()
    share = float(table.macs_share(chosen).numpy().mean())
    return {"macs_share": share} | _accuracies(
        held_out, test, greedy(held_out.logits).numpy(), chosen
    )


def _accuracies(held_out, test, on_validation, on_test):
    return {
        "validation_accuracy": float(held_out.are_right(on_validation).mean()),
        "test_accuracy": float(test.are_right(on_test).mean()),
    }


def _run_with_progress(search, most, task):
    """Tries models until the evaluations are used up, with a line from time to time."""
    began = time.monotonic()
    search.try_all(FLAGS.evaluations)
    part = max(1, FLAGS.evaluations // 5)
    for stop in [*range(part, FLAGS.evaluations, part), FLAGS.evaluations]:
        search.run(most, stop, FLAGS.algorithm)
        seconds = time.monotonic() - began
        print(f"{task}: {len(search.found)} models tried in {seconds:.0f} s", flush=True)
        if len(search.found) < stop:
            break  # There are no others.


def _limits():
    try:
        limits = [float(text) for text in FLAGS.macs_limits]
    except ValueError:
        limits = []
    in_range = all(0 < limit <= 1 for limit in limits)
    if not limits or not in_range or len(set(limits)) < len(limits):
        raise ValueError(
            "`--macs_limits` must be numbers in (0, 1], each once. "
            f"Received: macs_limits={','.join(FLAGS.macs_limits)}"
        )
    return sorted(limits)


def _check_limits(model, specs, limits):
    for spec in specs:
        table = model.cost_table(spec.name)
        least = (table.fixed_macs + int(table.block_macs[:, 0].sum())) / table.full_macs
        if limits[0] < least:
            raise ValueError(
                f"`--macs_limits` must allow the cheapest model of '{spec.name}', {least:.4f}. "
                f"Received: macs_limits={','.join(FLAGS.macs_limits)}"
            )


def _write(folder, found, settings):
    table, models, plot, values = (folder / name for name in _FILES)
    write_text(table, format_models(found))
    write_models_csv(models, found)
    save_png(draw_models(found), plot)
    write_json(values, {"settings": settings, "tasks": found})
    print(f"\n{table.read_text()}\nSaved: {table}, {models}, {plot}, {values}")


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.mark_flag_as_required("model_dir")
    app.run(main)
