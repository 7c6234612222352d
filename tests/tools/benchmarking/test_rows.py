import tensorflow as tf
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer
from elastic_tf_tools.benchmarking.rows import Candidate, measure_rows, paired_ratio

from tests.tools.benchmarking.small_subjects import make_row


class RowsTest(tf.test.TestCase):
    def test_the_figures_of_a_row(self):
        row = make_row("a", 8, seconds=[2.0, 4.0, 3.0], reference=[4.0, 4.0, 4.0], macs_share=0.5)
        figures = row.figures()
        self.assertEqual(figures["name"], "a")
        self.assertEqual(figures["batch_size"], 8)
        self.assertAllClose(figures["seconds_median"], 3.0)
        self.assertAllClose(figures["seconds_p95"], 3.9)  # 0.9 of the way from 3 to 4.
        self.assertAllClose(figures["ratio_to_dense"], 0.75)
        self.assertAllClose(figures["overhead"], 0.25)
        self.assertLen(figures, 7)

    def test_without_macs_there_is_no_overhead(self):
        figures = make_row("a", macs_share=None).figures()
        self.assertIsNone(figures["macs_share"])
        self.assertIsNone(figures["overhead"])

    def test_a_slow_round_cancels_out(self):
        row = make_row("a", seconds=[1.0, 1.0, 50.0], reference=[2.0, 100.0, 100.0])
        self.assertAllClose(paired_ratio(row.seconds, row.reference), 0.5)

    def test_the_first_candidate_is_the_reference(self):
        candidates = {"a": Candidate(lambda: None, 1.0), "b": Candidate(lambda: None, 0.5)}
        first, second = measure_rows(candidates, 4, InterleavedTimer(0, min_rounds=3))
        self.assertEqual([first.name, second.name], ["a", "b"])
        self.assertAllEqual(second.reference, first.seconds)
        self.assertAllClose(first.ratio_to_dense, 1.0)
        self.assertEqual((second.batch_size, second.macs_share), (4, 0.5))


if __name__ == "__main__":
    tf.test.main()
