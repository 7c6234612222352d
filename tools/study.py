r"""Trains every variant of a study with several seeds, and compares them in a table.

    python tools/study.py --study=tools/studies/selector_learning.toml --output_dir=runs/selector

The same command line continues a study that was interrupted; runs that have finished are not
repeated. More seeds, or another variant in the study file, add to it. tools/studying/study_file.py
says what a study file has in it.

Every training is a process of its own and takes all cores. With --jobs above 1, give each its
share: TF_NUM_INTRAOP_THREADS=1 in front of the command, for one core each.
"""

from absl import app, flags
from elastic_tf_tools.studying.conduct import (
    TRAIN,
    exit_on_failures,
    parse_seeds,
    train_runs,
    write_figures,
)
from elastic_tf_tools.studying.study_directory import StudyDirectory
from elastic_tf_tools.studying.study_file import read_study
from elastic_tf_tools.studying.study_runs import make_runs
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

FLAGS = flags.FLAGS


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("study", None, "Study file (TOML): variants and their flags.", values)
    flags.DEFINE_string("output_dir", None, "Folder for all runs, table.md, study.json.", values)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds, integers >= 0, each once.", values)
    flags.DEFINE_integer("jobs", 1, "Trainings at the same time, >= 1.", 1, flag_values=values)
    flags.DEFINE_list("only", None, "Variants to train, by name; all where left out.", values)
    flags.DEFINE_bool(
        "table_only", False, "Whether to train nothing: the table of what has finished.", values
    )


def main(argv):
    with one_line_errors():
        check_no_arguments(argv)
        for name in ("study", "output_dir"):
            if not FLAGS[name].value:
                raise ValueError(f"`--{name}` must be given. Received: {name}={FLAGS[name].value}")
        study = read_study(FLAGS.study)
        directory = StudyDirectory(FLAGS.output_dir)
        runs = make_runs(_variants(study), parse_seeds(FLAGS.seeds), directory.path)
        if FLAGS.table_only:
            directory.check(study.name)
        else:
            directory.claim(study.name)
    failures = {} if FLAGS.table_only else train_runs(runs, TRAIN, FLAGS.jobs)
    with one_line_errors():
        write_figures(study, directory)
    exit_on_failures(failures, runs)


def _variants(study):
    return study.variants if FLAGS.only is None else study.select(FLAGS.only)


if __name__ == "__main__":
    define_flags(FLAGS)
    app.run(main)
