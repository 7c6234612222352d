import io
import zipfile

import numpy as np
from absl.testing import parameterized

from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase


def _npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class KerasNpzTest(RefusalTestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.file = self.root / "keras.npz"
        self.arrays = files.keras_arrays("cifar10")

    def _refuse(self, pattern, **changes):
        np.savez(self.file, **{**self.arrays, **changes})
        self.assert_refused("cifar10", self.file, pattern)

    def _refuse_members(self, pattern, **changes):
        members = {name: _npy(of) for name, of in self.arrays.items()} | changes
        files.write_zip(self.file, {f"{name}.npy": of for name, of in members.items()})
        self.assert_refused("cifar10", self.file, pattern)

    @parameterized.parameters(
        (np.zeros((4, 32, 32, 3), np.float32), "x_test .* the dtype uint8. Received: float32"),
        (np.zeros((4, 32, 32, 3), np.int8), "Received: int8"),
        (np.array([{}] * 4, object), "Received: object"),
        (np.zeros((5, 32, 32, 3), np.uint8), r"shape \(4, 32, 32, 3\). Received: \(5, 32, 32, 3\)"),
        (np.zeros((4, 3, 32, 32), np.uint8), r"Received: \(4, 3, 32, 32\)"),
        (np.zeros((4, 32, 32), np.uint8), r"Received: \(4, 32, 32\)"),
    )
    def test_images(self, images, pattern):
        self._refuse(pattern, x_test=images)

    @parameterized.parameters(
        (np.array([0, 1, 2, 10]), "y_test .* labels from 0 to 9. Received: 10"),
        (np.array([0, 1, 2, -1]), "Received: -1"),
        (np.array([0, 1, 2]), r"shape \(4,\) or \(4, 1\). Received: \(3,\)"),
        (np.zeros((4, 10), int), r"Received: \(4, 10\)"),
        (np.zeros(4), "the dtype integers. Received: float64"),
        (np.zeros(4, bool), "Received: bool"),
        (np.array(["a"] * 4), "Received: <U1"),
    )
    def test_labels(self, labels, pattern):
        self._refuse(pattern, y_test=labels)

    def test_missing_array(self):
        self.arrays.pop("y_test")
        self._refuse("hold y_test.npy")

    @parameterized.parameters(b"", b"no array", _npy(np.zeros(4, int))[:40])
    def test_damaged_array(self, content):
        self._refuse_members("be an array of numbers", y_test=content)

    @parameterized.parameters((b"x", "161 bytes"), (bytes(2**20), "1,048,736 bytes"))
    def test_more_bytes_than_the_header_says(self, more, received):
        content = _npy(np.zeros(4, int)) + more
        self._refuse_members(f"have 160 bytes. Received: {received}", y_test=content)

    def test_fewer_bytes_than_the_header_says(self):
        self._refuse_members("have 160 bytes", y_test=_npy(np.zeros(4, int))[:-1])

    def test_huge_header(self):
        text = b"{'descr': '<i8', 'fortran_order': False, 'shape': (4,)}".ljust(2**20) + b"\n"
        start = b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text
        self._refuse_members("be an array of numbers", y_test=start + bytes(32))

    def test_cut_file(self):
        np.savez(self.file, **self.arrays)
        self.file.write_bytes(self.file.read_bytes()[:-100])
        self.assert_refused("cifar10", self.file, "be a whole zip file")

    def test_damaged_pixel(self):
        np.savez(self.file, **self.arrays)
        content = bytearray(self.file.read_bytes())
        content[5000] ^= 1
        self.file.write_bytes(content)
        self.assert_refused("cifar10", self.file, "be a whole zip file. Received: Bad CRC-32")

    def test_fortran_order(self):
        self.arrays["x_train"] = np.asfortranarray(self.arrays["x_train"])
        self._refuse("labels from 0 to 9", y_test=np.full(4, 10))  # The last thing to be looked at.

    def test_encrypted_member(self):
        np.savez(self.file, **self.arrays)
        content = self.file.read_bytes()
        start = content.index(b"PK\x01\x02")
        self.file.write_bytes(content[: start + 8] + b"\x01" + content[start + 9 :])
        self.assert_refused("cifar10", self.file, "without a password")

    def test_file_that_is_there_twice(self):
        np.savez(self.file, **self.arrays)
        with zipfile.ZipFile(self.file, "a") as archive, self.assertWarns(UserWarning):
            archive.writestr("y_test.npy", _npy(self.arrays["y_test"]))
        self.assert_refused("cifar10", self.file, "hold y_test.npy once")
