"""Which files below a folder are images to use, whatever else has been left there."""

import collections
import os
import pathlib
import re

from pipelines.sources.image_files import image_suffixes

# What systems and programs leave beside images, in any case of letters: copies and thumbnails of a
# NAS, resource forks of a Mac, the trash of Windows, caches. Of them are hidden files too.
_CLUTTER = frozenset(
    "@eadir @recycle @recently-snapshot @synoresource @tmp #recycle #snapshot $recycle.bin "
    "recycled recycler __macosx __pycache__ lost.dir lost+found thumbs.db ehthumbs.db "
    "desktop.ini".split()
) | {"system volume information", "network trash folder", "temporary items", "icon\r"}
# What Windows' check of a disk finds.
_FOUND = re.compile(r"found\.\d{3}", re.IGNORECASE)
# Photographs all the same, in formats that Pillow alone cannot read.
_PHOTOGRAPHS = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcm .dng .erf .heic .heif .hif .iiq .jxl .jxr .kdc .mef .mos .mrw "
    ".nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .svg .x3f".split()
)


def is_clutter(name):
    """Returns whether a file or folder of that name is none of the user's images, a bool."""
    return name.startswith(".") or name.lower() in _CLUTTER or bool(_FOUND.fullmatch(name))


def is_image_name(name):
    """Returns whether a file of that name is an image that can be read, a bool."""
    return not is_clutter(name) and _suffix(name) in image_suffixes()


def find_images(folder, scan=None):
    """Finds all images below a folder, in an order that all machines share.

    Links to folders are followed, but not to one that they lie in.

    Args:
        folder: str or path.
        scan: function of a folder that returns its `os.DirEntry`s, a list. Defaults to
            `os.scandir`.

    Returns:
        Two sorted lists of str, the paths of images, and those of photographs in formats that
        cannot be read.

    Raises:
        OSError: if a folder cannot be read.
    """
    scan = scan or _scan
    images, unreadable, waiting = [], [], [(os.fspath(folder), _folders_around(folder))]
    while waiting:
        place, above = waiting.pop()
        within = above | {_identity(place)}
        for entry in scan(place):
            if is_clutter(entry.name):
                continue
            if entry.is_dir():
                if _identity(entry.path) not in within:
                    waiting.append((entry.path, within))
            elif not (entry.is_file() or entry.is_symlink()):
                continue  # What is no file at all, such as a pipe, would be waited for.
            elif is_image_name(entry.name):
                images.append(entry.path)
            elif _suffix(entry.name) in _PHOTOGRAPHS:
                unreadable.append(entry.path)
    return [sorted(paths, key=lambda path: path.split(os.sep)) for paths in (images, unreadable)]


def leads_up(entry, folder):
    """Returns whether an `os.DirEntry` is a link to a folder that it lies in, a bool.

    Args:
        entry: of a folder.
        folder: str or path, where it lies.
    """
    if not entry.is_symlink():
        return False
    return _identity(entry.path) in _folders_around(folder) | {_identity(folder)}


def _folders_around(folder):
    """Returns the identities of all folders that a folder lies in, by its path and its links."""
    path = pathlib.Path(os.path.abspath(folder))
    around = {*path.parents, *pathlib.Path(os.path.realpath(path)).parents}
    return frozenset(map(_identity, around))


def _identity(folder):
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def describe_unreadable(paths):
    """Returns what cannot be read, of `find_images`, as the end of a sentence, a str."""
    counts = collections.Counter(map(_suffix, paths))
    kinds = ", ".join(f"{suffix} {count}" for suffix, count in counts.most_common())
    return (
        f"{len(paths)} photographs in formats that cannot be read ({kinds}), such as {paths[0]}; "
        "as JPEG or PNG they can"
    )


def _suffix(name):
    return os.path.splitext(name)[1].lower()


def _scan(folder):
    with os.scandir(folder) as entries:
        return list(entries)
