"""The exports of a comparison: models times formats, each with the flags that make it."""

import dataclasses

from elastic_tf.export.formats import QUANTIZATIONS

FORMATS = ("saved_model", "keras", "litert", "onnx")
DYNAMIC, MOST_USED, FULL = "dynamic", "most_used", "full"


@dataclasses.dataclass(frozen=True)
class ExportVariant:
    """One export.

    Attributes:
        model: str, `"dynamic"`, or which fixed model.
        format: str, of --format.
        quantization: str, of --quantization.
        flags: tuple of str, those of tools/export.py that make it, task and folders apart.
    """

    model: str
    format: str
    quantization: str
    flags: tuple

    @property
    def name(self):
        """str, a name for a folder."""
        parts = [self.model, self.format]
        return "_".join(parts + [self.quantization] * (self.quantization != "none"))


def export_variants(models, formats, quantizations, num_levels):
    """Returns the list of `ExportVariant`s of models in formats; only fixed LiteRT is quantised.

    Args:
        models: sequence of str: `"dynamic"`, `"most_used"`, `"full"`, a level, or levels such as
            `"3-0-1"`.
        formats: sequence of str.
        quantizations: sequence of str, with or without `"none"`, which is always there.
        num_levels: int.
    """
    variants = []
    for model in models:
        for export_format in formats:
            quantized = export_format == "litert" and model != DYNAMIC
            for quantization in QUANTIZATIONS:
                if quantization == "none" or (quantized and quantization in quantizations):
                    flags = [f"--format={export_format}", f"--quantization={quantization}"]
                    flags += _model_flags(model, num_levels)
                    variants.append(ExportVariant(model, export_format, quantization, tuple(flags)))
    return variants


def _model_flags(model, num_levels):
    if model == DYNAMIC:
        return []
    if model == FULL:
        return [f"--level={num_levels - 1}"]
    return [f"--level={model}" if model.isdigit() else f"--levels={model}"]
