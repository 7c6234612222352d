"""A clock that also says, for some of its functions, where their time went."""

from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer
from elastic_tf_tools.benchmarking.op_times import format_op_times, op_times


class ProfilingTimer(InterleavedTimer):
    """Measures as `InterleavedTimer`; afterwards profiles a call of some of the functions.

    Afterwards, because a profiled call is slower.

    Args:
        names: collection of str. Functions to profile; those that are not measured are ignored.
        report: function that takes each table, a str. Defaults to `print`.
        Others: see `InterleavedTimer`.
    """

    def __init__(self, *args, names=(), report=print, **kwargs):
        super().__init__(*args, **kwargs)
        self.names = names
        self.report = report

    def measure(self, functions):
        seconds = super().measure(functions)
        for name in functions:
            if name in self.names:
                self.report(f"\n{format_op_times(name, op_times(functions[name]))}")
        return seconds
