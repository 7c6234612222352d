import struct
import zlib

import numpy as np
import scipy.io
from absl.testing import parameterized

from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase


class SvhnMatTest(RefusalTestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = files.svhn_folder(self.root / "mat")
        self.file = self.folder / "test_32x32.mat"

    def _refuse(self, pattern):
        self.assert_refused("svhn_cropped", self.folder, f"test_32x32.mat.*{pattern}")

    def _rewrite(self, **changes):
        arrays = scipy.io.loadmat(self.file)
        arrays = {name: arrays[name] for name in "Xy"}
        scipy.io.savemat(self.file, {**arrays, **changes}, do_compression=True)

    @parameterized.parameters(
        (np.zeros((4, 1), np.uint8), "labels from 1 to 10. Received: 0"),
        (np.full((4, 1), 11, np.uint8), "Received: 11"),
        (np.ones((5, 1), np.uint8), r"'y' of shape \(4, 1\)"),
        (np.ones((4, 1), np.float64), "uint8 'y'.*double"),
        (np.array([[{}]] * 4, object), "uint8 'y'.*cell"),
    )
    def test_labels(self, labels, pattern):
        self._rewrite(y=labels)
        self._refuse(pattern)

    def test_images(self):
        self._rewrite(X=np.zeros((32, 32, 3, 5), np.uint8))
        self._refuse(r"uint8 'X' of shape \(32, 32, 3, 4\)")

    def test_missing_array(self):
        scipy.io.savemat(self.file, {"y": np.ones((4, 1), np.uint8)})
        self._refuse("uint8 'X' .* Received: none")

    def test_missing_file(self):
        self.file.unlink()
        self._refuse("Received: a folder without it")

    @parameterized.parameters(0.5, 0.9, 0.999)
    def test_cut_file(self, share):
        content = self.file.read_bytes()
        self.file.write_bytes(content[: int(share * len(content))])
        self._refuse("whole")

    def test_empty_file(self):
        self.file.write_bytes(b"")
        self._refuse("MATLAB 5")

    def test_array_that_unpacks_without_end(self):
        packed = zlib.compress(bytes(2**22))
        content = self.file.read_bytes() + struct.pack("<II", 15, len(packed)) + packed
        self.file.write_bytes(content)
        self._refuse("have arrays of at most")

    def test_array_that_ends_early(self):
        packed = zlib.compress(bytes(1000))[:-4]
        content = self.file.read_bytes() + struct.pack("<II", 15, len(packed)) + packed
        self.file.write_bytes(content)
        self._refuse("have whole arrays. Received: one that is cut off")

    def test_damaged_array(self):
        content = bytearray(self.file.read_bytes())
        content[300] ^= 255
        self.file.write_bytes(content)
        self._refuse("whole arrays")
