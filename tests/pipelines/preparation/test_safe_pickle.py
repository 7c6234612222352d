import os
import pickle

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from pipelines.preparation.safe_pickle import load_plain

# As Python 2 with an old NumPy wrote them: the array [[1, 2, 3]] in a dict, protocol 2.
_OF_PYTHON_2 = (
    b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
    b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01K\x03\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87R"
    b"q\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x03\x01\x02\x03tbs."
)


class _Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], tuple(self.call[1:])


class SafePickleTest(tf.test.TestCase, parameterized.TestCase):
    def _refuse(self, content, pattern):
        with self.assertRaisesRegex(pickle.UnpicklingError, pattern):
            load_plain(content)

    @parameterized.parameters(0, 1, 2, 3, 4)
    def test_values_of_every_protocol(self, protocol):
        array = np.arange(6, dtype=np.uint8).reshape(2, 3)
        content = pickle.dumps({"a": [1, -2, "t", b"b\xff"], "data": array}, protocol)
        value = load_plain(content)
        self.assertEqual(value["a"], [1, -2, "t", b"b\xff"])
        self.assertAllEqual(value["data"].array, array)
        self.assertEqual(value["data"].array.dtype, np.uint8)

    def test_values_of_python_2(self):
        self.assertAllEqual(load_plain(_OF_PYTHON_2)[b"data"].array, [[1, 2, 3]])
        # What NumPy itself reads from it.
        expected = pickle.loads(_OF_PYTHON_2, encoding="bytes")[b"data"]
        self.assertAllEqual(load_plain(_OF_PYTHON_2)[b"data"].array, expected)

    @parameterized.parameters(
        (_Runs(os.system, "touch /tmp/never"), "asks for posix.system"),
        (_Runs(eval, "1"), "asks for builtins.eval"),
        (_Runs(getattr, "a", "b"), "asks for builtins.getattr"),
        (np.float32(1), "asks for numpy._core.multiarray.scalar"),
    )
    def test_everything_else_is_refused_by_name(self, value, pattern):
        self._refuse(pickle.dumps({"data": value}), pattern)

    @parameterized.parameters("<f4", "O", "i1")
    def test_arrays_of_another_type(self, dtype):
        self._refuse(pickle.dumps(np.zeros(3, dtype), 2), "an array of ")

    def test_array_in_another_order(self):
        array = np.asfortranarray(np.zeros((2, 3), np.uint8))
        self._refuse(pickle.dumps(array, 2), "not of bytes in C order")

    def test_array_with_too_few_bytes(self):
        content = _OF_PYTHON_2.replace(b"U\x03\x01\x02\x03", b"U\x02\x01\x02")
        self._refuse(content, r"an array of shape \(1, 3\) in 2 bytes")

    @parameterized.parameters(
        b"", b"x", b"\x80\x02", b"\x80\x02]", b"\x80\x02R.", b"r\xff\xff\xff\x7f."
    )
    def test_damaged_pickles(self, content):
        self._refuse(content, ".")

    def test_bytes_behind_it(self):
        self._refuse(pickle.dumps(1) + b"x", "more bytes")

    def test_room_is_not_made_for_claims(self):
        # Remembers a value as number 2**32 - 1, for which the usual reader fills 64 GB.
        self.assertEqual(load_plain(b"\x80\x02]r\xff\xff\xff\xff."), [])


if __name__ == "__main__":
    tf.test.main()
