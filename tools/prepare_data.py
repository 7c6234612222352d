r"""Prepares a standard data set from its official archives on disk, without network.

    python tools/prepare_data.py --task=cifar10 --manual_dir=FOLDER
    python tools/prepare_data.py --tfds=imagenet2012 --manual_dir=FOLDER

FOLDER holds the archives under their official names, such as cifar-10-binary.tar.gz. What it leaves
in --data_dir is what TensorFlow Datasets itself would have prepared; with --tfds in files of the
format array_record, which are read in any order.
"""

import dataclasses

from elastic_tf_tools import flags

import pipelines


def define_flags(values):
    names = ", ".join(pipelines.OFFICIAL_TASKS)
    (data_dir,) = (of for of in dataclasses.fields(pipelines.DataSettings) if of.name == "data_dir")
    flags.define(values, "task", None, f"The data set: {names}.", str)
    flags.define(
        values,
        "tfds",
        None,
        "A data set of photographs of any size, as TensorFlow Datasets names it, for "
        "--tasks=NAME:tfds=DATA_SET.",
        str,
    )
    flags.define(values, "manual_dir", None, "Folder with its official archives.", str, True)
    flags.define(values, "data_dir", data_dir.default, **data_dir.metadata)
    flags.define_renamed(values, **{"from": "manual_dir"})


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        if (values.task is None) == (values.tfds is None):
            raise ValueError(
                "`--task` or `--tfds` must be given, not both. "
                f"Received: task={values.task}, tfds={values.tfds}"
            )
        name = values.task or values.tfds
        prepare = pipelines.prepare_official if values.task else pipelines.prepare_photographs
        print(f"Preparing {name} from {values.manual_dir}", flush=True)
        prepared = prepare(name, values.manual_dir, values.data_dir)
    if prepared.was_there:
        print(f"{name} had been prepared before and is left as it is.")
    counts = ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    print(f"{counts} images in {prepared.folder}")


if __name__ == "__main__":
    flags.run(__name__)
