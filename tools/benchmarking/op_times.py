"""Where the time of a call goes, by kind of TensorFlow operation."""

import collections
import pathlib
import tempfile
import typing

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2


class OpTime(typing.NamedTuple):
    """What one kind of operation took in one call.

    Attributes:
        name: str, e.g. `"Conv2D"`; oneDNN's versions have names of their own.
        calls: int.
        milliseconds: float, summed over calls; operations that run side by side all count in full.
    """

    name: str
    calls: int
    milliseconds: float


def op_times(function):
    """Runs a function under TensorFlow's profiler.

    Args:
        function: function without arguments, whose graphs are built already.

    Returns:
        List of `OpTime`, the longest first.
    """
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        try:
            function()
        finally:
            tf.profiler.experimental.stop()
        spaces = [path.read_bytes() for path in pathlib.Path(folder).rglob("*.xplane.pb")]
    calls, picoseconds = collections.Counter(), collections.Counter()
    for space in spaces:
        for kind, duration in _events(xplane_pb2.XSpace.FromString(space)):
            calls[kind] += 1
            picoseconds[kind] += duration
    return [OpTime(kind, calls[kind], total / 1e9) for kind, total in picoseconds.most_common()]


def format_op_times(title, times, most=15):
    """Returns a table of the `most` longest kinds of operation, str of several lines."""
    total = sum(time.milliseconds for time in times)
    shown = times[:most]
    rest = times[most:]
    if rest:
        calls = sum(time.calls for time in rest)
        shown = [*shown, OpTime("all others", calls, sum(time.milliseconds for time in rest))]
    return "\n".join(
        [
            f"{title}, by operation (those that run side by side count in full)",
            f"  {'':<36} {'calls':>6} {'ms':>9} {'%':>6}",
            *(
                f"  {time.name:<36} {time.calls:>6} {time.milliseconds:>9.1f} "
                f"{100 * time.milliseconds / total:>6.1f}"
                for time in shown
            ),
        ]
    )


def _events(space):
    """Yields kind and picoseconds of every operation, on whatever device."""
    for plane in space.planes:
        names = plane.event_metadata
        for line in plane.lines:
            for event in line.events:
                name, _, kind = names[event.metadata_id].name.rpartition(":")
                # Operations are "name:Kind"; the runtime's own events have no colon, or two.
                if name and not name.endswith(":") and kind.isidentifier():
                    yield kind, event.duration_ps
