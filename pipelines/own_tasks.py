"""Tasks made of a user's own images."""

import dataclasses

from pipelines.sources.folder_source import CORRUPT_RULES, FolderSource
from pipelines.sources.image_decoding import FITS
from pipelines.sources.npz_source import NpzSource
from pipelines.task_spec import TaskSpec, check_task_name

_MAX_TEST_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class OwnTask:
    """Where the images of a task lie and how they are used. Nothing is read from disk yet.

    Args:
        name: str, as in `TaskSpec`.
        folder: str or path of a folder with one folder per class (see `ImageFolder`), or
        npz: str or path of an npz file (see `NpzSource`). One of the two.
        image_size: int >= 1. Height and width that images are brought to, in pixels. May be left
            out for an npz file of square images.
        channels: 1 or 3; `None` for 3, or those of the npz file.
        flip: bool. Whether a mirrored image still shows its class.
        pad: int in `[0, image_size)`. Pixels of padding for the random crop; `None` for an eighth
            of the image.
        fit: `"crop"` or `"stretch"` (see `standard_image`).
        test_share: float in (0, 0.5]. Share of every class for the test split, where the images
            come without one.

    Raises:
        ValueError: if an argument is out of range or they do not go together.
    """

    name: str
    folder: str | None = None
    npz: str | None = None
    image_size: int | None = None
    channels: int | None = None
    flip: bool = True
    pad: int | None = None
    fit: str = "crop"
    test_share: float = 0.2

    def __post_init__(self):
        check_task_name(self.name)
        if (self.folder is None) == (self.npz is None):
            received = f"folder={self.folder}, npz={self.npz}"
            raise ValueError(f"`folder` or `npz` must be given, not both. Received: {received}")
        if self.folder is not None and self.image_size is None:
            raise ValueError("`image_size` must be given with `folder`. Received: image_size=None")
        if self.image_size is not None:
            self._check("image_size", "an integer >= 1", self.image_size >= 1)
        self._check("channels", "1 or 3", self.channels in (None, 1, 3))
        limit = self.image_size
        if self.pad is not None:
            expected = "an integer >= 0" + (f" and below {limit}" if limit else "")
            self._check("pad", expected, 0 <= self.pad and (not limit or self.pad < limit))
        self._check("fit", " or ".join(FITS), self.fit in FITS)
        in_range = 0 < self.test_share <= _MAX_TEST_SHARE
        self._check("test_share", f"above 0 and at most {_MAX_TEST_SHARE}", in_range)

    def _check(self, argument, expected, is_valid):
        if not is_valid:
            value = getattr(self, argument)
            raise ValueError(f"`{argument}` must be {expected}. Received: {argument}={value}")

    def to_spec(self, on_corrupt_image="error"):
        """Lists the folder, or reads the npz file, and returns the `TaskSpec`.

        Args:
            on_corrupt_image: `"error"` to refuse image files that cannot be read when a split is
                loaded, `"skip"` to leave them out. An npz file is always refused whole.

        Raises:
            DataNotFoundError: if the images are missing or not as they must be.
            ValueError: if an argument is out of range.
        """
        if on_corrupt_image not in CORRUPT_RULES:
            raise ValueError(
                f"`on_corrupt_image` must be one of {', '.join(CORRUPT_RULES)}. "
                f"Received: {on_corrupt_image=}"
            )
        source, size, channels = self._source(on_corrupt_image)
        return TaskSpec(
            name=self.name,
            image_size=size,
            channels=channels,
            num_classes=source.num_classes,
            source=source,
            flip=self.flip,
            pad=size // 8 if self.pad is None else self.pad,
            description=f"{source.num_classes} classes of {self.folder or self.npz}",
        )

    def _source(self, on_corrupt_image):
        if self.folder is None:
            source = NpzSource(self.npz, self.image_size, self.channels, self.fit, self.test_share)
            return source, source.image_size, source.channels
        size, channels = self.image_size, self.channels or 3
        source = FolderSource(
            self.folder, size, channels, self.fit, self.test_share, on_corrupt_image
        )
        return source, size, channels
