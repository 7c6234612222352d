"""How much memory this process may still take."""

import pathlib

import psutil

# Where a kind of control group lies, and its files of the limit, of what is used, and of how much
# of that is only a cache of files.
_LAYOUTS = {
    "v2": ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "v1": (
        "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}


def available_memory(root="/"):
    """Returns the bytes that the machine, and a container around this process, still have.

    Limits of Linux control groups count, of both versions, also those of the groups above.

    Args:
        root: str or path of the folder that `proc` and `sys` lie in.
    """
    return min([psutil.virtual_memory().available, *_left_in_groups(pathlib.Path(root))])


def _left_in_groups(root):
    """Yields the bytes left in every control group of this process that has a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return  # Other systems have none.
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        place, *files = _LAYOUTS["v1" if controllers else "v2"]
        # A container may see the path that its group has outside, and its files at the top.
        for group in (pathlib.Path(path), *pathlib.Path(path).parents):
            try:
                yield _left(root / place / group.relative_to("/"), *files)
            except (OSError, ValueError):
                pass  # Not seen from here, or "max": without a limit.


def _left(folder, limit_file, used_file, cache_key):
    limit = int((folder / limit_file).read_text())
    used = int((folder / used_file).read_text())
    counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    # The cache of files gives way where memory is wanted.
    return max(0, limit - used + int(counts.get(cache_key, 0)))
