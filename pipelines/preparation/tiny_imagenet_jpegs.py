"""Tiny ImageNet as its official archive has it, or the folder that it unpacks to."""

import io
import pathlib

from PIL import Image

from pipelines.preparation.content import Content
from pipelines.preparation.folder_files import FolderFiles
from pipelines.preparation.refusal import refuse
from pipelines.preparation.safe_zip import SafeZip
from pipelines.preparation.tiny_imagenet_files import FOLDER, TinyImageNetFiles

# Ten times the pixels of such an image; the largest official file has 9,000 bytes or so.
_MAX_JPEG = 2**17


def find_tiny_imagenet(path):
    """Returns the folder that holds the lists of Tiny ImageNet, or `None`.

    Args:
        path: `pathlib.Path` of a folder, which is that or holds it.
    """
    for folder in (path, path / FOLDER):
        if (folder / "wnids.txt").is_file():
            return folder
    return None


def read_tiny_imagenet(path, official):
    """Reads the archive or the folder.

    The archive has no labels for its test images, so its validation images are the test split, as
    is customary. Every image is decoded once to see that it can be.

    Args:
        path: path of the zip archive or of the folder.
        official: `OfficialSet` of tiny_imagenet.

    Returns:
        `Content`. Its images are the bytes of JPEG files.

    Raises:
        ValueError: if something is missing or damaged, or holds something that it must not.
    """
    with _opened(path) as files:
        layout = TinyImageNetFiles(files, official.num_classes)
        images = {"train": layout.train(), "test": layout.test()}
        for split, listed in images.items():
            if len(listed) != official.counts[split]:
                expected = f"have {official.counts[split]:,} images"
                refuse(f"{split} in {path}", expected, f"{len(listed):,}")
        for listed in images.values():
            for name, _ in listed:
                file = f"{name} in {path}"
                _check_jpeg(file, files.read(name, _MAX_JPEG), official.image_shape)
    splits = {split: _split(path, listed, official) for split, listed in images.items()}
    return Content(splits, {"label": layout.wnids})


def _opened(path):
    path = pathlib.Path(path)
    if path.is_dir():
        return FolderFiles(find_tiny_imagenet(path) or path)
    return SafeZip(path, within=FOLDER)


def _split(path, listed, official):
    def examples():
        with _opened(path) as files:
            for name, label in listed:
                content = files.read(name, _MAX_JPEG)
                yield {"image": content, "label": label}

    return examples


def _check_jpeg(file, content, shape):
    size = (shape[1], shape[0])
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            # From the header, before any pixel is decoded. Grey ones are read as colour later.
            if image.size != size or image.mode not in ("L", "RGB"):
                found = f"{image.size[0]}x{image.size[1]} {image.mode}"
                problem = (f"be {size[0]}x{size[1]} pixels in grey or colour", found)
            else:
                image.load()
                return
    except Exception as error:  # Pillow raises whatever the parser of a damaged file did.
        problem = ("be a whole JPEG file", error)
    refuse(file, *problem)
