r"""Prepares a standard data set from its official archives on disk, without network.

    python tools/prepare_data.py --task=cifar10 --manual_dir=FOLDER

FOLDER holds the archives under their official names, such as cifar-10-binary.tar.gz. What it leaves
in --data_dir is what TensorFlow Datasets itself would have prepared.
"""

import dataclasses

from absl import flags as absl_flags
from elastic_tf_tools import flags

import pipelines


def define_flags(values):
    names = ", ".join(pipelines.OFFICIAL_TASKS)
    (data_dir,) = (of for of in dataclasses.fields(pipelines.DataSettings) if of.name == "data_dir")
    for name, text in (
        ("task", f"The data set: {names}."),
        ("manual_dir", "Folder with its official archives."),
        ("data_dir", data_dir.metadata["help"]),
    ):
        absl_flags.DEFINE_string(name, None, text, flag_values=values, module_name="command")
    flags.define_renamed(values, **{"from": "manual_dir"})


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        for name in ("task", "manual_dir"):
            if not values[name].value:
                raise ValueError(f"`--{name}` must be given. Received: {name}=None")
        print(f"Preparing {values.task} from {values.manual_dir}", flush=True)
        prepared = pipelines.prepare_official(values.task, values.manual_dir, values.data_dir)
    if prepared.was_there:
        print(f"{values.task} had been prepared before and is left as it is.")
    counts = ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    print(f"{counts} images in {prepared.folder}")


if __name__ == "__main__":
    flags.run(__name__)
