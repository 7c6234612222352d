import pickle

import numpy as np
from absl.testing import parameterized

from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase
from tests.pipelines.preparation.test_safe_pickle import _Runs

_BINARY = "cifar-10-batches-bin"
_PYTHON = "cifar-10-batches-py"


class CifarTest(RefusalTestCase, parameterized.TestCase):
    def _refuse(self, name, members, pattern):
        self.assert_refused(name, files.tar_gz(self.root / "archive", members.items()), pattern)

    def test_binary_label_out_of_range(self):
        members = files.cifar10_binary()
        content = members[f"{_BINARY}/test_batch.bin"]
        members[f"{_BINARY}/test_batch.bin"] = b"\x0a" + content[1:]
        self._refuse("cifar10", members, "test in .* labels from 0 to 9. Received: 10")

    def test_binary_coarse_label_out_of_range(self):
        members = files.cifar100_binary(coarse_of=lambda labels: labels * 0 + 20)
        self._refuse("cifar100", members, "labels from 0 to 19. Received: 20")

    @parameterized.parameters(
        (b"one\ntwo\n", "have 10 different class names. Received: 2 in 2 lines"),
        (b"a\n" * 10, "Received: 1 in 10 lines"),
        (b"\xff\n" * 10, "be text in UTF-8"),
        (b"", "bytes. Received: 0 bytes"),
        (b"x" * 20000, "bytes. Received: 20,000 bytes"),
    )
    def test_binary_class_names(self, content, pattern):
        members = {**files.cifar10_binary(), f"{_BINARY}/batches.meta.txt": content}
        self._refuse("cifar10", members, pattern)

    @parameterized.parameters(
        ("labels", [1, 10], "labels from 0 to 9. Received: 10"),
        ("labels", [1, -1], "Received: -1"),
        ("labels", [1, 2**70], "have 'labels' below 10"),
        ("labels", [1, True], "have a list of int 'labels'"),
        ("labels", [1], "have 2 'labels'. Received: 1"),
        ("labels", None, "have a list of int 'labels'. Received: NoneType"),
        ("data", np.zeros((3, 3072), np.uint8), r"shape \(2, 3072\). Received: \(3, 3072\)"),
        ("data", np.zeros((2, 3072), np.float32), "Received: an array of "),
        ("data", np.array([{}], object), "Received: an array of "),
        ("data", [1, 2], "Received: no array"),
        ("data", _Runs(print, "never"), "Received: a pickle that asks for __builtin__.print"),
    )
    def test_python_values(self, key, value, pattern):
        members = files.cifar10_python()
        name = f"{_PYTHON}/data_batch_3"
        values = {**pickle.loads(members[name]), key: value}
        members[name] = pickle.dumps(values, 2)
        self._refuse("cifar10", members, f"data_batch_3 in .*{pattern}")

    def test_python_file_of_another_kind(self):
        members = {**files.cifar10_python(), f"{_PYTHON}/test_batch": pickle.dumps([1, 2, 3, 4])}
        self._refuse("cifar10", members, "hold a dict. Received: list")

    def test_python_class_names(self):
        meta = pickle.dumps({"label_names": ["a"]})
        self._refuse(
            "cifar10", {**files.cifar10_python(), f"{_PYTHON}/batches.meta": meta}, "1 in 1"
        )
