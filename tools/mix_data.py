r"""Makes one set of images of several, or of clean and disturbed ones: traffic of mixed difficulty.

    python tools/mix_data.py --tasks=digits,fashion_mnist_small --output=DATA/mixed_small.npz
    python tools/mix_data.py --tasks=cifar10:npz=DATA/cifar10.npz --disturb=noise,blur \
        --output=DATA/disturbed.npz

Nobody says which image is easy: the classes of all tasks are those of one (--tasks=mixed:npz=FILE
trains on it), and with --disturb each image is left clean or disturbed in one of the ways, with the
same chance. The file also says of each image which task it was of and what was done to it
(source_test, kind_test).
"""

import dataclasses

from elastic_tf_tools import flags

import numpy as np

import pipelines
from elastic_tf.files import check_output_file, whole_file


def define_flags(values):
    def add(name, default, help, kind=str, **metadata):
        flags.define(values, name, default, help, kind, **metadata)

    fields = {field.name: field for field in dataclasses.fields(pipelines.DataSettings)}
    for name in ("tasks", "data_dir", "download"):
        flags.define(values, name, fields[name].default, **fields[name].metadata)
    add("output", None, "The npz file to write.", is_required=True)
    add(
        "disturb",
        (),
        "Ways to disturb images.",
        choices=tuple(pipelines.DISTURBANCES),
        is_list=True,
    )
    add("seed", 0, "Of order and disturbances.", int, low=0)


def main(values):
    with flags.one_line_errors():
        flags.check_no_arguments(values)
        check_output_file(values.output, "output")
        data = pipelines.DataSettings(
            tasks=values.tasks,
            data_dir=values.data_dir,
            download=values.download,
            validation_share=0.0,
        )
        arrays = pipelines.mixed_set(data.task_specs(), data, values.disturb, values.seed)
        with whole_file(values.output) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)
    counts = ", ".join(f"{len(arrays[f'y_{split}']):,} {split}" for split in ("train", "test"))
    num_classes = int(arrays["y_train"].max()) + 1
    print(f"{counts} images in {num_classes} classes. Saved: {values.output}")


if __name__ == "__main__":
    flags.run(__name__)
