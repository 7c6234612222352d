r"""Repeats the supplement's ablations: figure 2 (a), the number of levels, or 2 (b), the start.

    python tools/ablate.py --study=levels --flagfile=tools/flagfiles/quickstart.flags \
        --target_macs=none --rho=10 --output_dir=runs/levels
    python tools/ablate.py --study=initial_distribution --preset=paper \
        --flagfile=tools/flagfiles/quickstart.flags --output_dir=runs/distributions

Every flag of tools/train.py that is given, in the flagfile or beside it, holds for all runs. Each
variant is trained with each of --seeds; the same command line continues a study that was
interrupted, and repeats no finished run. It ends with a table, the figure, and the supplement's
claims, each held against the numbers.

The number of levels is compared without a target of MACs: with one, as in the quickstart's flags,
networks of all numbers of levels end at the same size. The initial distributions are compared
without distillation, which runs every image on the full model, whatever the distribution.

Every training is a process of its own and takes all cores. With --jobs above 1, give each its
share: TF_NUM_INTRAOP_THREADS=1 in front of the command, for one core each.
"""

import sys

from absl import app, flags
from elastic_tf_tools import train  # noqa: F401 (its flags are taken here too)
from elastic_tf_tools.ablating.given import given_to_distributions, given_to_levels, levels_warning
from elastic_tf_tools.ablating.report import report_distributions, report_levels
from elastic_tf_tools.ablating.variants import (
    INITIAL_DISTRIBUTION,
    LEVELS,
    distributions_study,
    levels_study,
)
from elastic_tf_tools.studying.conduct import (
    TRAIN,
    exit_on_failures,
    parse_seeds,
    train_runs,
    write_figures,
)
from elastic_tf_tools.studying.study_directory import StudyDirectory
from elastic_tf_tools.studying.study_runs import find_runs, make_runs
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

FLAGS = flags.FLAGS


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_enum(
        "study", None, [LEVELS, INITIAL_DISTRIBUTION], "Which ablation.", flag_values=values
    )
    flags.DEFINE_list("levels", ["2", "3", "4", "5"], "Numbers of levels, >= 2, each once.", values)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds, integers >= 0, each once.", values)
    flags.DEFINE_integer("jobs", 1, "Trainings at the same time, >= 1.", 1, flag_values=values)


def main(argv):
    with one_line_errors():
        check_no_arguments(argv)
        if FLAGS.study is None:
            raise ValueError("`--study` must be levels or initial_distribution. Received: None")
        study = _study()
        directory = StudyDirectory(FLAGS.output_dir)
        runs = make_runs(study.variants, parse_seeds(FLAGS.seeds), directory.path)
        directory.claim(study.name)
    failures = train_runs(runs, TRAIN, FLAGS.jobs)
    with one_line_errors():
        if write_figures(study, directory):
            finished = [
                run for run in find_runs(study.variants, directory.path) if run.is_finished()
            ]
            report = report_levels if study.name == LEVELS else report_distributions
            print(report(finished, directory.path))
    exit_on_failures(failures, runs)


def _study():
    if FLAGS.study == INITIAL_DISTRIBUTION:
        return distributions_study(given_to_distributions(FLAGS))
    study = levels_study(given_to_levels(FLAGS), _numbers_of_levels())
    warning = levels_warning(FLAGS)
    if warning:
        sys.stderr.write(f"warning: {warning}\n")
    return study


def _numbers_of_levels():
    try:
        numbers = [int(text) for text in FLAGS.levels]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 2 or len(set(numbers)) < len(numbers):
        raise ValueError(
            "`--levels` must be integers >= 2, each once. "
            f"Received: levels={','.join(FLAGS.levels)}"
        )
    return sorted(numbers)


if __name__ == "__main__":
    define_flags(FLAGS)
    app.run(main)
