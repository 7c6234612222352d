"""Where images come from: one class per kind of source, all with the same `load`."""

from pipelines.sources.data_not_found import DataNotFoundError
from pipelines.sources.digits import DigitsSource
from pipelines.sources.fashion_mnist_small import FashionMnistSmallSource
from pipelines.sources.folder_source import CORRUPT_RULES, FolderSource
from pipelines.sources.npz_source import NpzSource
from pipelines.sources.split import Split
from pipelines.sources.tfds_source import TfdsSource

__all__ = [
    "CORRUPT_RULES",
    "DataNotFoundError",
    "DigitsSource",
    "FashionMnistSmallSource",
    "FolderSource",
    "NpzSource",
    "Split",
    "TfdsSource",
]
