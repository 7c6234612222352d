import tensorflow as tf
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer


class FakeWork:
    """A clock that only functions of known length move on, and the order of their calls."""

    def __init__(self, **lengths):
        self.now = 0.0
        self.calls = []
        self.functions = {name: self._function(name, lengths[name]) for name in lengths}

    def _function(self, name, length):
        def function():
            self.calls.append(name)
            self.now += length

        return function

    def measure(self, **options):
        return InterleavedTimer(clock=lambda: self.now, **options).measure(self.functions)


class InterleavedTimerTest(tf.test.TestCase):
    def test_each_function_gets_its_own_time(self):
        seconds = FakeWork(a=2.0, b=3.0).measure(seconds=0, min_rounds=4)
        self.assertAllClose(seconds["a"], [2.0] * 4)
        self.assertAllClose(seconds["b"], [3.0] * 4)

    def test_the_order_rotates(self):
        work = FakeWork(a=1.0, b=1.0, c=1.0)
        work.measure(seconds=0, min_rounds=4, warmups=0)
        self.assertEqual("".join(work.calls), "abcbcacababc")

    def test_entries_at_one_place_are_of_one_round(self):
        work = FakeWork(a=1.0, b=1.0)
        lengths = iter([10.0, 20.0, 30.0, 40.0])

        def grow():
            work.now += next(lengths)

        work.functions = {"a": grow, "b": grow}
        seconds = work.measure(seconds=0, min_rounds=2, warmups=0)
        # The second round starts with b.
        self.assertAllClose(seconds["a"], [10.0, 40.0])
        self.assertAllClose(seconds["b"], [20.0, 30.0])

    def test_warmups_are_not_timed(self):
        work = FakeWork(a=1.0, b=1.0)
        seconds = work.measure(seconds=0, min_rounds=1, warmups=3)
        self.assertEqual("".join(work.calls), "aaabbbab")
        self.assertLen(seconds["a"], 1)

    def test_rounds_go_on_until_the_time_is_spent(self):
        seconds = FakeWork(a=1.0, b=1.5).measure(seconds=9.0, min_rounds=1, warmups=5)
        self.assertLen(seconds["b"], 4)

    def test_there_are_the_rounds_asked_for_whatever_they_take(self):
        seconds = FakeWork(a=100.0).measure(seconds=1.0, min_rounds=3)
        self.assertLen(seconds["a"], 3)


if __name__ == "__main__":
    tf.test.main()
