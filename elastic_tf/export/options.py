"""What to export: the format, and the network as it chooses or one of its models."""

import dataclasses

from elastic_tf.export.dynamic_module import check_calibrated
from elastic_tf.models.tasks import check_task
from elastic_tf.policies.model_choice import ModelChoice
from elastic_tf.policies.second_look import POLICIES, SECOND_LOOK, is_second_look
from elastic_tf.settings import check_value, setting

FORMATS = ("saved_model", "keras", "litert", "onnx")
QUANTIZATIONS = ("none", "bfloat16", "float16", "dynamic", "int8")
# Whose files hold a single function.
_ONE_TASK_FORMATS = ("litert", "onnx")
_ANY_SIZE_FORMATS = ("saved_model", "onnx")


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Options of an export; `export_network` has an example.

    Without `levels` it is dynamic: every image is routed by itself, by the selector's own choice or
    at the budget, or looked at again where that is needed. With them it is that one model, of
    standard layers.

    Attributes:
        task: str, the task to export; `None` for all of the network's. A fixed model, LiteRT and
            ONNX are of one task; a dynamic Keras file is always the whole network.
        levels: sequence of int, one per block: a fixed model.
        Others: see the metadata of the fields.

    Raises:
        ValueError: if an option is out of range, or they do not go together.
    """

    format: str = setting("saved_model", "What to write.", str, choices=FORMATS)
    task: str | None = None
    levels: tuple | None = None
    budget: float | None = setting(
        None,
        "Mean MACs per image of a dynamic export, in (0, 1], a share of the full model's; the "
        "selector's own choice where left out.",
        float,
        above=0.0,
        high=1.0,
        optional=True,
    )
    policy: str = setting(
        SECOND_LOOK,
        "What keeps a dynamic export to its budget: a dearer model where a cheaper one is unsure, "
        "or the selector; with the latter a saved_model takes any other budget, too.",
        str,
        choices=POLICIES,
    )
    input_dtype: str = setting(
        "uint8",
        "Type of the images that the export takes; pixels are in 0..255.",
        str,
        choices=("uint8", "float32"),
    )
    quantization: str = setting(
        "none",
        "Numbers of the export: float32 ('none'); of a saved_model, bfloat16 in the blocks, for "
        "processors that have it; of a fixed LiteRT model, weights in float16; weights in int8 "
        "('dynamic'); weights and activations in int8, with uint8 images and probabilities.",
        str,
        choices=QUANTIZATIONS,
    )
    any_image_size: bool = setting(
        False,
        "Whether a saved_model or onnx takes images of any height and width, and stretches them to "
        "the task's, bilinearly.",
        bool,
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.metadata:
                check_value(field, getattr(self, field.name))
        if self.levels is not None:
            object.__setattr__(self, "levels", tuple(int(level) for level in self.levels))
        if self.levels is not None and self.budget is not None:
            raise ValueError(
                "Only one of `levels` and `budget` must be given. "
                f"Received: levels={self.levels}, budget={self.budget}"
            )
        fits = self.format == "litert" and self.levels is not None
        if self.quantization == "bfloat16":
            fits = self.format == "saved_model"
        if self.quantization != "none" and not fits:
            raise ValueError(
                "`quantization` must be none but for a fixed model as litert, or bfloat16 for a "
                f"saved_model. Received: quantization={self.quantization}, format={self.format}, "
                f"{self.choice}"
            )
        if self.any_image_size and self.format not in _ANY_SIZE_FORMATS:
            raise ValueError(
                "`any_image_size` must be False but for saved_model and onnx; images of litert and "
                "keras have the task's size. "
                f"Received: any_image_size={self.any_image_size}, format={self.format}"
            )
        if self.format == "keras" and self.budget is not None:
            raise ValueError(
                "`budget` must not be given for a Keras file, whose calls name their own; "
                f"saved_model, litert and onnx keep it. Received: budget={self.budget}"
            )

    @property
    def dtype(self):
        """str, in which the blocks of a `saved_model` compute."""
        return "bfloat16" if self.quantization == "bfloat16" else "float32"

    @property
    def choice(self):
        """`ModelChoice` of the export."""
        return ModelChoice(self.levels, self.budget, self.policy)

    @property
    def second_look(self):
        """bool, whether it is a second look that keeps to a budget."""
        return is_second_look(self.policy, self.budget)

    def tasks_of(self, network):
        """Returns the tasks to export, a list of str.

        Raises:
            ValueError: if the network lacks the task, or one must or must not be named.
        """
        is_fixed = self.levels is not None
        if self.task is not None:
            check_task(self.task, network.tasks)
            if self.format == "keras" and not is_fixed:
                raise ValueError(
                    "`task` must not be given for the whole network as a Keras file. "
                    f"Received: task={self.task}"
                )
            return [self.task]
        if len(network.tasks) > 1 and (is_fixed or self.format in _ONE_TASK_FORMATS):
            raise ValueError(
                f"`task` must be one of {', '.join(network.tasks)} for "
                f"{'a fixed model' if is_fixed else self.format}. Received: task=None"
            )
        return list(network.tasks)

    def check(self, network):
        """Checks that a network can be exported so; `export_network` does it, too.

        Raises:
            ValueError: see `tasks_of`; also if the levels are not the network's, or a task has no
                calibration for the budget.
        """
        check_calibrated(network, self.tasks_of(network), self.budget, self.policy)
        if self.levels is None:
            return
        num_blocks, num_levels = network.num_blocks, network.num_levels
        in_range = all(0 <= level < num_levels for level in self.levels)
        if len(self.levels) != num_blocks or not in_range:
            raise ValueError(
                f"`levels` must be {num_blocks} integers in [0, {num_levels}), one for each block. "
                f"Received: levels={self.levels}"
            )
