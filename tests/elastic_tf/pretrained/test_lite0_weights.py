"""Tests of reading weights out of a pickle of tensors."""

import io
import pickle
import struct

import numpy as np
from absl.testing import parameterized

from elastic_tf.pretrained.lite0_weights import lite0_weights, read_tensors
from tests import testing


def _file(tensors, storages, rebuild="_rebuild_tensor_v2", kind="FloatStorage"):
    """Returns a file as of `torch.save`: headers, tensors, keys, numbers."""
    file = io.BytesIO()
    for part in (1, 1001, {"little_endian": True}):
        pickle.dump(part, file, protocol=2)
    _write(file, tensors, rebuild, kind)
    pickle.dump(list(storages), file, protocol=2)
    for numbers in storages.values():
        file.write(struct.pack("<q", len(numbers)) + np.asarray(numbers, "<f4").tobytes())
    file.seek(0)
    return file


def _write(file, tensors, rebuild, kind):
    """Writes the dict of tensors by the opcodes of the pickle's second protocol."""
    file.write(pickle.PROTO + b"\x02" + b"ccollections\nOrderedDict\n" + b")R(")
    for name, (key, offset, shape, strides) in tensors.items():
        file.write(_text(name) + f"ctorch._utils\n{rebuild}\n(".encode())
        file.write(b"(" + _text("storage") + f"ctorch\n{kind}\n".encode())
        file.write(_text(key) + _text("cpu") + _number(0) + b"NtQ")
        file.write(_number(offset) + _tuple(shape) + _tuple(strides) + b"\x89NtR")
    file.write(b"u.")


def _text(text):
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _number(number):
    return b"J" + struct.pack("<i", number)


def _tuple(numbers):
    return b"(" + b"".join(map(_number, numbers)) + b"t"


class ReadTensorsTest(testing.TestCase):
    def test_views_are_strided(self):
        numbers = np.arange(12, dtype=np.float32)
        found = read_tensors(
            _file(
                {
                    "a": ("0", 0, (3, 4), (4, 1)),
                    "b": ("0", 1, (4, 2), (1, 4)),
                    "c": ("1", 2, (), ()),
                },
                {"0": numbers, "1": [5, 6, 7]},
            )
        )
        self.assertAllEqual(found["a"], numbers.reshape(3, 4))
        self.assertAllEqual(found["b"], numbers.reshape(3, 4)[:2].T + 1)
        self.assertAllEqual(found["c"], 7)

    @parameterized.parameters(
        ({"rebuild": "_load_anything"}, "_load_anything must not be"),
        ({"kind": "HalfStorage"}, "HalfStorage must not be"),
    )
    def test_nothing_else_may_be_called(self, changes, fault):
        file = _file({"a": ("0", 0, (1,), (1,))}, {"0": [1]}, **changes)
        with self.assertRaisesRegex(ValueError, f"`file` must hold tensors.*Received: .*{fault}"):
            read_tensors(file)

    def test_a_damaged_file_is_refused(self):
        whole = _file({"a": ("0", 0, (3,), (1,))}, {"0": [1, 2, 3]}).getvalue()
        beyond = _file({"a": ("0", 1, (3,), (1,))}, {"0": [1, 2, 3]}).getvalue()
        for content in (whole[:-4], whole[:40], b"", beyond):
            with self.assertRaisesRegex(ValueError, "`file` must hold tensors"):
                read_tensors(io.BytesIO(content))


class Lite0WeightsTest(testing.TestCase):
    def test_they_are_all_of_the_network(self):
        weights = lite0_weights()
        # As published; without the counters of batches.
        self.assertEqual(sum(value.size for layer in weights for value in layer), 4_694_024)
        self.assertEqual([w.shape for w in weights[-1]], [(1280, 1000), (1000,)])
