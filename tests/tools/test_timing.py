import contextlib
import io

from elastic_tf_tools.timing import Candidate, InterleavedTimer, Row, paired_ratio, profile

import numpy as np
import tensorflow as tf
from absl.testing import parameterized


class Work:
    """A clock that only calls of known length move on, and the order of these calls."""

    def __init__(self, **lengths):
        self.now = 0.0
        self.calls = []
        self.candidates = {
            name: Candidate(self._call(name, iter(length)), 0.5) for name, length in lengths.items()
        }

    def _call(self, name, lengths):
        def run():
            self.calls.append(name)
            self.now += next(lengths)

        return run

    def measure(self, **options):
        timer = InterleavedTimer(clock=lambda: self.now, **options)
        return {row.name: row for row in timer.measure(self.candidates, batch_size=4)}


class InterleavedTimerTest(tf.test.TestCase, parameterized.TestCase):
    def test_entries_at_one_place_are_of_one_round(self):
        rows = Work(a=[10.0, 40.0], b=[20.0, 30.0]).measure(seconds=0, min_rounds=2, warmups=0)
        self.assertAllClose(rows["a"].seconds, [10.0, 40.0])
        self.assertAllClose(rows["b"].seconds, [20.0, 30.0])
        self.assertAllEqual(rows["b"].reference, rows["a"].seconds)
        self.assertEqual((rows["b"].batch_size, rows["b"].macs_share), (4, 0.5))

    def test_the_order_rotates(self):
        work = Work(a=[1.0] * 4, b=[1.0] * 4, c=[1.0] * 4)
        work.measure(seconds=0, min_rounds=4, warmups=0)
        self.assertEqual("".join(work.calls), "abcbcacababc")

    def test_warmups_are_not_timed(self):
        work = Work(a=[5.0] * 3 + [1.0], b=[5.0] * 3 + [2.0])
        rows = work.measure(seconds=0, min_rounds=1, warmups=3)
        self.assertEqual("".join(work.calls), "aaabbbab")
        self.assertAllClose(rows["b"].seconds, [2.0])

    @parameterized.parameters(
        (9.0, 1, 4),  # Until the time is spent.
        (1.0, 3, 3),  # Whatever they take.
    )
    def test_rounds(self, seconds, min_rounds, expected):
        rows = Work(a=[1.0] * 9, b=[1.5] * 9).measure(seconds=seconds, min_rounds=min_rounds)
        self.assertLen(rows["b"].seconds, expected)

    def test_only_the_candidates_asked_for_are_profiled(self):
        inputs = tf.eye(50)
        run = tf.function(lambda: tf.linalg.inv(inputs))
        timer = InterleavedTimer(0, 1, profiled=["b", "absent"])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            timer.measure({"a": Candidate(run), "b": Candidate(run)}, 1)
        self.assertIn("| b ", printed.getvalue())
        self.assertNotIn("| a ", printed.getvalue())
        self.assertIn("MatrixInverse", printed.getvalue())


class RowTest(tf.test.TestCase):
    def test_figures(self):
        row = Row("a", 8, np.array([2.0, 4.0, 3.0]), np.array([4.0, 4.0, 4.0]), 0.5)
        expected = {
            "name": "a",
            "batch_size": 8,
            "seconds_median": 3.0,
            "seconds_p95": 3.9,  # 0.9 of the way from 3 to 4.
            "ratio_to_dense": 0.75,
            "macs_share": 0.5,
            "overhead": 0.25,
        }
        self.assertEqual(row.figures(), expected)

    def test_without_macs_there_is_no_overhead(self):
        figures = Row("a", 8, np.ones(1), np.ones(1), None).figures()
        self.assertIsNone(figures["overhead"])

    def test_a_slow_round_cancels_out(self):
        ratio = paired_ratio(np.array([1.0, 1.0, 50.0]), np.array([2.0, 100.0, 100.0]))
        self.assertAllClose(ratio, 0.5)


class ProfileTest(tf.test.TestCase):
    def test_operations_are_counted_by_kind_and_the_longest_is_first(self):
        inputs = tf.eye(300)
        run = tf.function(lambda: tf.cumsum(tf.cumsum(inputs)) + tf.linalg.inv(inputs @ inputs))
        run()
        rows = [line.split("|")[1:-1] for line in profile(run, "dense").splitlines()[:-1]]
        self.assertEqual([cell.strip() for cell in rows[0]], ["dense", "calls", "ms", "%"])
        cells = {kind.strip(): list(map(float, figures)) for kind, *figures in rows[2:]}
        self.assertEqual((cells["Cumsum"][0], cells["MatrixInverse"][0]), (2, 1))
        times = [figures[1] for figures in cells.values()]
        self.assertGreater(times[0], 0)
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertNear(sum(figures[2] for figures in cells.values()), 100, 1)

    def test_what_is_not_shown_is_summed_up(self):
        inputs = tf.eye(50)
        run = tf.function(lambda: tf.cumsum(tf.cumsum(inputs)) + tf.sin(tf.linalg.inv(inputs)))
        run()
        lines = profile(run, "dense", most=1).splitlines()
        self.assertLen(lines, 5)
        shown, others = (line.split("|")[2] for line in lines[2:4])
        self.assertEqual(int(shown) + int(others), 5)
        self.assertIn("all others", lines[3])
