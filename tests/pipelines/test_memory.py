import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines.memory import available_memory

_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("memory.max", "memory.current", "inactive_file")


class AvailableMemoryTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        memory = mock.Mock(available=1000)
        self.enter_context(mock.patch("psutil.virtual_memory", return_value=memory))

    def _write(self, lines, groups=(), place="sys/fs/cgroup", files=_V2):
        (self.root / "proc/self").mkdir(parents=True)
        (self.root / "proc/self/cgroup").write_text("\n".join(lines))
        limit_file, used_file, cache_key = files
        for path, limit, used, cached in groups:
            folder = self.root / place / path
            folder.mkdir(parents=True, exist_ok=True)
            (folder / limit_file).write_text(f"{limit}\n")
            (folder / used_file).write_text(f"{used}\n")
            (folder / "memory.stat").write_text(f"anon 7\n{cache_key} {cached}\n")

    def test_a_machine_without_control_groups(self):
        self.assertEqual(available_memory(self.root), 1000)

    @parameterized.parameters(
        ([("a/b", 700, 300, 50)], 450),  # A cache of files gives way.
        ([("a/b", 5000, 300, 0)], 1000),  # The machine has less.
        ([("a/b", "max", 300, 0)], 1000),
        ([("a/b", "max", 300, 0), ("a", 500, 400, 0)], 100),  # The group above has a limit.
        ([("", 600, 200, 0)], 400),  # A container sees its own group at the top.
        ([("a/b", 300, 400, 0)], 0),
    )
    def test_version_2(self, groups, expected):
        self._write(["0::/a/b"], groups)
        self.assertEqual(available_memory(self.root), expected)

    @parameterized.parameters((700, 420), (2**63 - 4096, 1000))
    def test_version_1(self, limit, expected):
        groups = [("job", limit, 300, 20), ("other", 1, 1, 0)]
        lines = ["5:cpu:/other", "4:hugetlb,memory:/job", "0::/"]
        self._write(lines, groups, "sys/fs/cgroup/memory", _V1)
        self.assertEqual(available_memory(self.root), expected)

    def test_this_process(self):
        self.assertGreater(available_memory(), 0)
