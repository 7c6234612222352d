r"""Says what is on images, by an exported network.

    python tools/predict.py --model=served --task=fashion_mnist_small shoe.png photos/

Prints a line for each image: class, confidence, the levels of the model that was chosen, and its
MACs in % of the full model's, those of the selector included. Files are taken as they are named,
of folders all images in them. An image that cannot be read is reported on stderr, and does not stop
the others; the exit status is 1 then.
"""

import json
import sys

from absl import app, flags
from elastic_tf_tools.exporting.image_batches import image_batches, image_paths
from elastic_tf_tools.quiet_logs import quiet_logs
from elastic_tf_tools.user_errors import one_line_errors

from elastic_tf.export.loaded_export import LoadedExport

FLAGS = flags.FLAGS


def define_flags(values):
    """Adds the flags of this script to `absl.flags.FlagValues`.

    They are not defined on import, as other scripts have flags of the same names.
    """
    flags.DEFINE_string("model", None, "Folder that tools/export.py wrote.", flag_values=values)
    flags.DEFINE_string(
        "task", None, "What the images are of; needed where there are several.", flag_values=values
    )
    flags.DEFINE_float(
        "budget",
        None,
        "Mean MACs per image, in (0, 1], for a dynamic saved_model; the export's own where left "
        "out.",
        flag_values=values,
    )
    flags.DEFINE_integer("batch_size", 32, "Images at a time, >= 1.", 1, flag_values=values)
    flags.DEFINE_bool("json", False, "Whether to print a line of JSON each.", flag_values=values)
    flags.register_validator(
        "budget",
        lambda budget: budget is None or 0 < budget <= 1,
        "must be in (0, 1]",
        flag_values=values,
    )


def main(argv):
    quiet_logs()
    with one_line_errors():
        paths = image_paths(argv[1:])
        if not paths:
            raise ValueError(
                "Arguments must be image files, or folders with some. "
                f"Received: {' '.join(argv[1:]) or 'none'}"
            )
        export = LoadedExport(FLAGS.model, FLAGS.task)
        export.check_budget(FLAGS.budget)
    print_line = _print_json if FLAGS.json else _Table(paths)
    num_faults = 0
    image, dtype = export.properties["image"], export.manifest["input_dtype"]
    for read, images, faults in image_batches(paths, image, dtype, FLAGS.batch_size):
        for reason in faults.values():
            print(f"error: {reason}", file=sys.stderr)
        num_faults += len(faults)
        if read:
            answers = export.predict(images, FLAGS.budget)
            for row, path in enumerate(read):
                print_line(_answer(export, path, answers, row))
    if num_faults:
        sys.exit(f"error: {num_faults} of {len(paths)} images could not be read")


def _answer(export, path, answers, row):
    label = int(answers["classes"][row])
    return {
        "image": str(path),
        "class": export.properties["labels"][label],
        "confidence": round(float(answers["probabilities"][row, label]), 6),
        "levels": [int(level) for level in answers["levels"][row]],
        "macs_share": round(float(answers["macs"][row]) / export.properties["full_macs"], 6),
    }


def _print_json(answer):
    print(json.dumps(answer), flush=True)


class _Table:
    """Prints answers below each other in columns."""

    def __init__(self, paths):
        self._width = max(len(str(path)) for path in paths)
        print(f"{'image':<{self._width}}  {'class':<16} {'confidence':>10}  {'MACs %':>6}  model")

    def __call__(self, answer):
        print(
            f"{answer['image']:<{self._width}}  {answer['class']:<16} "
            f"{100 * answer['confidence']:>8.1f} %  {100 * answer['macs_share']:>6.1f}  "
            f"{'-'.join(map(str, answer['levels']))}",
            flush=True,
        )


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.mark_flag_as_required("model")
    app.run(main)
