r"""Prepares a standard data set from its official files on disk, without network.

    python tools/prepare_data.py --task=cifar10 --from=cifar-10-binary.tar.gz

What it leaves in --data_dir is what tfds itself would have prepared.
"""

from absl import app, flags
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors

from pipelines.preparation.official_sets import OFFICIAL_SETS
from pipelines.preparation.prepare import prepare

FLAGS = flags.FLAGS

_TASKS = ", ".join(sorted(OFFICIAL_SETS))


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("task", None, f"The data set: {_TASKS}.", values)
    flags.DEFINE_string(
        "from",
        None,
        "The official archive or folder of files, or an npz file of x_train, y_train, x_test and "
        "y_test. Which of them it is shows in its content.",
        values,
    )
    flags.DEFINE_string(
        "data_dir", None, "Folder of prepared data sets; tfds' own default where left out.", values
    )
    flags.DEFINE_bool(
        "check_digest",
        True,
        "Whether a file with an official name must be the official file.",
        values,
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        check_no_arguments(argv)
        if FLAGS.task not in OFFICIAL_SETS:
            raise ValueError(f"`--task` must be one of {_TASKS}. Received: task={FLAGS.task}")
        path = FLAGS["from"].value  # A word of Python.
        if not path:
            raise ValueError(f"`--from` must be a file or folder. Received: from={path}")
        print(f"Preparing {FLAGS.task} from {path}", flush=True)
        _hide_progress_bar()
        prepared = prepare(OFFICIAL_SETS[FLAGS.task], path, FLAGS.data_dir, FLAGS.check_digest)
    if prepared.was_there:
        print(f"{FLAGS.task} had been prepared before and is left as it is.")
    counts = ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    print(f"{counts} images in {prepared.folder}")


def _hide_progress_bar():
    import tensorflow_datasets as tfds  # Here, so that --help is quick.

    tfds.disable_progress_bar()


if __name__ == "__main__":
    define_flags(FLAGS)
    app.run(main)
