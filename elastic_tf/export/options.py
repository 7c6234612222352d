"""What to export: the format, and the network as it chooses or one of its models."""

import dataclasses

from elastic_tf.export.dynamic_module import check_calibrated
from elastic_tf.models.tasks import check_task
from elastic_tf.policies.model_choice import ModelChoice
from elastic_tf.settings import check_value, setting

FORMATS = ("saved_model", "keras", "litert", "onnx")
QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
# Whose files hold a single function.
_ONE_TASK_FORMATS = ("litert", "onnx")


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Options of an export; `export_network` has an example.

    Without `levels` it is dynamic: every image is routed by itself, by the selector's own choice or
    at the budget. With them it is that one model, of standard layers.

    Attributes:
        tasks: sequence of str, the tasks to export; `None` for all of the network's. One for a
            fixed model, for LiteRT and for ONNX; a dynamic Keras file is always the whole network.
        levels: sequence of int, one per block: a fixed model.
        Others: see the metadata of the fields.

    Raises:
        ValueError: if an option is out of range, or they do not go together.
    """

    format: str = setting("saved_model", "What to write.", str, choices=FORMATS)
    tasks: tuple | None = None
    levels: tuple | None = None
    budget: float | None = setting(
        None,
        "Mean MACs per image of a dynamic export, in (0, 1], a share of the full model's, selector "
        "included; of a saved_model where a call names none; the selector's own choice where left "
        "out.",
        float,
        above=0.0,
        high=1.0,
        optional=True,
    )
    input_dtype: str = setting(
        "uint8",
        "Type of the images that the export takes; pixels are in 0..255.",
        str,
        choices=("uint8", "float32"),
    )
    quantization: str = setting(
        "none",
        "Numbers of a fixed LiteRT model: float32 ('none'); weights in float16; weights in int8 "
        "('dynamic'); weights and activations in int8, with uint8 images and probabilities.",
        str,
        choices=QUANTIZATIONS,
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata:
                check_value(field, value)
            elif value is not None:
                object.__setattr__(self, field.name, tuple(value))
        if self.levels is not None and self.budget is not None:
            raise ValueError(
                "Only one of `levels` and `budget` must be given. "
                f"Received: levels={self.levels}, budget={self.budget}"
            )
        if self.quantization != "none" and (self.format != "litert" or self.levels is None):
            raise ValueError(
                "`quantization` must be none but for a fixed model as litert. Received: "
                f"quantization={self.quantization}, format={self.format}, {self.choice}"
            )
        if self.format == "keras" and self.budget is not None:
            raise ValueError(
                "`budget` must not be given for a Keras file, whose calls name their own; "
                f"saved_model, litert and onnx keep it. Received: budget={self.budget}"
            )

    @property
    def choice(self):
        """`ModelChoice` of the export."""
        return ModelChoice(self.levels, self.budget)

    def tasks_of(self, network):
        """Returns the tasks to export, a list of str.

        Raises:
            ValueError: if the network lacks one, or there are too many or too few for the format.
        """
        tasks = list(network.tasks if self.tasks is None else self.tasks)
        for task in tasks:
            check_task(task, network.tasks)
        is_fixed = self.levels is not None
        if len(tasks) != 1 and (is_fixed or self.format in _ONE_TASK_FORMATS):
            what = "a fixed model" if is_fixed else self.format
            raise ValueError(
                f"`tasks` must be one of {', '.join(network.tasks)} for {what}. "
                f"Received: tasks={self.tasks}"
            )
        if self.format == "keras" and not is_fixed and self.tasks is not None:
            raise ValueError(
                "`tasks` must not be given for the whole network as a Keras file. "
                f"Received: tasks={self.tasks}"
            )
        return tasks

    def check(self, network):
        """Raises a `ValueError` if a network cannot be exported so: see `tasks_of`; or it lacks a
        calibration for the budget."""
        check_calibrated(network, self.tasks_of(network), self.budget)
