"""Where images come from: one class per kind of source, all with the same `load`."""

from pipelines.sources.array_source import ArraySource, DigitsSource, FashionMnistSmallSource
from pipelines.sources.folder_source import FolderSource
from pipelines.sources.image_files import ReadableImages, image_suffixes
from pipelines.sources.image_tree import describe_unreadable, find_images
from pipelines.sources.indexed_source import CORRUPT_RULES
from pipelines.sources.npz_source import NpzSource
from pipelines.sources.split import DataNotFoundError
from pipelines.sources.tfds_photographs import TfdsPhotographs
from pipelines.sources.tfds_source import TfdsSource

__all__ = [
    "ArraySource",
    "CORRUPT_RULES",
    "DataNotFoundError",
    "DigitsSource",
    "FashionMnistSmallSource",
    "FolderSource",
    "NpzSource",
    "ReadableImages",
    "TfdsPhotographs",
    "TfdsSource",
    "describe_unreadable",
    "find_images",
    "image_suffixes",
]
