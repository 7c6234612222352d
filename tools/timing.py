"""The clock: candidates take turns, so that a machine's moods hit all alike, and are compared."""

import collections
import dataclasses
import gc
import os
import pathlib
import platform
import re
import tempfile
import time
import typing

from elastic_tf_tools import stderr_held_back

import numpy as np
import tensorflow as tf
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

import elastic_tf
from elastic_tf.files import aligned, markdown_table
from elastic_tf.models.precision import has_bfloat16_units


class Candidate(typing.NamedTuple):
    """Something to measure.

    Attributes:
        run: function without arguments; returns when its work is done, that of a GPU included.
        macs_share: float, its MACs as a share of the full model's; `None` where that says nothing.
    """

    run: typing.Callable
    macs_share: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """The times of one candidate.

    Attributes:
        name: str.
        batch_size: int. Images in a call, over all tasks.
        seconds: float array `(rounds,)`.
        reference: float array `(rounds,)`, the first candidate's seconds in the same rounds.
        macs_share: float, or `None`.
    """

    name: str
    batch_size: int
    seconds: np.ndarray
    reference: np.ndarray
    macs_share: float | None

    @property
    def ratio_to_dense(self):
        return paired_ratio(self.seconds, self.reference)

    def figures(self):
        """Returns the row as it is written to JSON, a dict.

        `overhead` is what the time has above the MACs, as a share of the reference's time.
        """
        ratio, share = self.ratio_to_dense, self.macs_share
        return {
            "name": self.name,
            "batch_size": self.batch_size,
            "seconds_median": float(np.median(self.seconds)),
            "seconds_p95": float(np.percentile(self.seconds, 95)),
            "ratio_to_dense": ratio,
            "macs_share": share,
            "overhead": None if share is None else ratio - share,
        }


def paired_ratio(seconds, reference):
    """Returns the median over rounds of the ratio within a round, a float.

    What slows a whole round down cancels out, which a ratio of medians would not give.

    Args:
        seconds, reference: float arrays `(rounds,)`.
    """
    return float(np.median(seconds / reference))


class InterleavedTimer:
    """Measures candidates side by side, in rounds.

    Every round calls each candidate once. The order rotates from round to round, so that none
    always comes first. Rounds go on until the time is spent, but there are at least `min_rounds`.

    Args:
        seconds: float >= 0. Time for the rounds of one group of candidates, warm-up apart.
        min_rounds: int >= 1.
        warmups: int >= 0. Calls of each candidate before the clock starts; the first builds the
            graph. Defaults to 2.
        profiled: collection of str. Candidates whose time by operation is printed too, after the
            rounds, as a profiled call is slower; others than those measured are ignored.
        clock: function that returns seconds. Defaults to `time.perf_counter`.
    """

    def __init__(self, seconds, min_rounds, warmups=2, profiled=(), clock=time.perf_counter):
        self.seconds = seconds
        self.min_rounds = min_rounds
        self.warmups = warmups
        self.profiled = profiled
        self.clock = clock

    def measure(self, candidates, batch_size):
        """Returns a list of `Row`, in the order of the candidates.

        Args:
            candidates: dict from name to `Candidate`; the first is what others are compared with.
            batch_size: int, for the rows.
        """
        tf.get_logger().setLevel("ERROR")  # So many graphs are meant; it would warn of each.
        for candidate in candidates.values():
            for _ in range(self.warmups):
                candidate.run()
        collects = gc.isenabled()
        gc.collect()
        gc.disable()  # A collection would fall to whichever candidate's turn it is.
        try:
            rounds = self._rounds(candidates)
        finally:
            if collects:
                gc.enable()
        for name in candidates:
            if name in self.profiled:
                print(f"\n{profile(candidates[name].run, name)}")
        seconds = {name: np.array([taken[name] for taken in rounds]) for name in candidates}
        reference = seconds[next(iter(candidates))]
        return [
            Row(name, batch_size, seconds[name], reference, candidate.macs_share)
            for name, candidate in candidates.items()
        ]

    def _rounds(self, candidates):
        names, rounds, start = list(candidates), [], self.clock()
        while len(rounds) < self.min_rounds or self.clock() - start < self.seconds:
            first, taken = len(rounds) % len(names), {}
            for name in names[first:] + names[:first]:
                began = self.clock()
                candidates[name].run()
                taken[name] = self.clock() - began
            rounds.append(taken)
        return rounds


def profile(function, title, most=15):
    """Runs a function under TensorFlow's profiler, and says where the time goes.

    Args:
        function: function without arguments, whose graphs are built already.
        title: str.
        most: int. Rows at most, the longest kinds of operation; another sums up the others.

    Returns:
        Table of operations by kind, e.g. `"Conv2D"` (oneDNN's have names of their own), str.
    """
    with tempfile.TemporaryDirectory() as folder:
        with stderr_held_back(), tf.profiler.experimental.Profile(folder):
            function()
        spaces = [path.read_bytes() for path in pathlib.Path(folder).rglob("*.xplane.pb")]
    calls, picoseconds = collections.Counter(), collections.Counter()
    for kind, duration in (event for space in spaces for event in _operations(space)):
        calls[kind] += 1
        picoseconds[kind] += duration
    longest, total = picoseconds.most_common(), sum(picoseconds.values())
    shown = [(kind, calls[kind], duration) for kind, duration in longest[:most]]
    if rest := longest[most:]:
        others = sum(calls[kind] for kind, _ in rest), sum(duration for _, duration in rest)
        shown.append(("all others", *others))
    rows = [
        (kind, str(count), f"{duration / 1e9:.1f}", f"{100 * duration / total:.1f}")
        for kind, count, duration in shown
    ]
    table = aligned_table((title, "calls", "ms", "%"), rows)
    return f"{table}\nOperations that run side by side count in full."


def _operations(space):
    """Yields kind and picoseconds of every operation in a file of the profiler, of any device.

    Read by the numbers of its fields: TensorFlow's own class for it, `XSpace` of `xplane.proto`, is
    in a private module.
    """
    for plane in map(_fields, _fields(space)[1]):
        metadata = {entry[1][0]: _fields(entry[2][0]) for entry in map(_fields, plane[4])}
        names = {key: b"".join(of[2]).decode() for key, of in metadata.items()}
        for line in map(_fields, plane[3]):
            for event in map(_fields, line[4]):
                node, _, kind = names.get(sum(event[1]), "").rpartition(":")
                # Operations are "name:Kind"; the runtime's own events have no colon, or two.
                if node and not node.endswith(":") and kind.isidentifier():
                    yield kind, sum(event[3])


def _fields(message):
    """Returns the values of a protocol buffer, a dict from a field's number to a list."""
    values = collections.defaultdict(list)
    for field in UnknownFieldSet(Empty.FromString(message)):
        values[field.field_number].append(field.data)
    return values


def aligned_table(header, rows):
    """Returns a table for reading, str of several lines; args as of `files.aligned`."""
    header, *rows = aligned(header, rows)
    return markdown_table(header, rows)


def describe_machine():
    """Returns device, cores, threads and versions, a dict of JSON values.

    Threads are TensorFlow's settings; 0 leaves the number to TensorFlow.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        device = f"GPU: {details.get('device_name', 'unknown')}"
    else:
        cpuinfo = pathlib.Path("/proc/cpuinfo")
        found = cpuinfo.exists() and re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M)
        device = f"CPU: {found[1] if found else platform.machine()}"
    return {
        "device": device,
        "has_amx_bf16": has_bfloat16_units(),
        "cores": len(os.sched_getaffinity(0)),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "tensorflow_version": tf.__version__,
        "elastic_tf_version": elastic_tf.__version__,
        "python_version": platform.python_version(),
    }
