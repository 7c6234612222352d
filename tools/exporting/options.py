"""What formats need besides the model itself."""

import dataclasses
import pathlib
from typing import Any


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Options of an export.

    Attributes:
        input_dtype: str, `"uint8"` or `"float32"`, of the images.
        manifest: path of the manifest's file, for formats that carry it within.
        quantization: one of `QUANTIZATIONS`, for a fixed model in LiteRT.
        representative_images: array `(images, *image_shape)` of `input_dtype`, to measure ranges of
            activations by; `None` unless `quantization` is `"int8"`.
    """

    input_dtype: str
    manifest: pathlib.Path
    quantization: str = "none"
    representative_images: Any = None
