"""The names of an archive's members, which nothing in them may be trusted to be."""

import pathlib

from pipelines.preparation.refusal import refuse


def checked_name(archive, name):
    """Returns the name of a member without a leading `./` or a final `/`.

    Args:
        archive: path of the archive, for the message.
        name: str, as the archive has it.

    Raises:
        ValueError: if the name leads out of the folder that the archive would be unpacked to.
    """
    path = pathlib.PurePosixPath(name.replace("\\", "/"))
    leads_out = path.is_absolute() or ".." in path.parts or path.as_posix()[1:2] == ":"
    if leads_out or "\0" in name:
        refuse(archive, "have members below its own folder", f"member {name!r}")
    return path.as_posix()
