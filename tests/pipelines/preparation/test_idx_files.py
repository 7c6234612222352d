import gzip
import struct

from absl.testing import parameterized

from pipelines.preparation.idx_files import find_idx_files, read_idx_files
from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase

_LABELS = "t10k-labels-idx1-ubyte"
_IMAGES = "t10k-images-idx3-ubyte"


class IdxFilesTest(RefusalTestCase, parameterized.TestCase):
    def _refuse(self, name, content, pattern, suffix=""):
        folder = files.write_folder(self.root / "idx", files.idx_files(), suffix)
        (folder / (name + suffix)).write_bytes(content)
        self.assert_refused("mnist", folder, pattern)

    @parameterized.parameters("", ".gz")
    def test_both_spellings(self, suffix):
        dotted = {name.replace("-idx", ".idx"): of for name, of in files.idx_files().items()}
        folder = files.write_folder(self.root / "idx", dotted, suffix)
        content = read_idx_files(folder, files.tiny_set("mnist"))
        images, labels = files.real_images("mnist", "train")
        for example, image, label in zip(content.splits["train"](), images, labels, strict=True):
            self.assertAllEqual(example["image"], image)
            self.assertEqual(example["label"], label)

    def test_the_packed_file_counts(self):
        files.write_folder(self.root, {_LABELS: b""}, ".gz")
        files.write_folder(self.root, {_LABELS: b""})
        self.assertEqual(
            find_idx_files(self.root), {("test", "labels"): self.root / f"{_LABELS}.gz"}
        )

    def test_missing_file(self):
        folder = files.write_folder(self.root / "idx", files.idx_files())
        (folder / _LABELS).unlink()
        self.assert_refused("mnist", folder, f"hold {_LABELS}.gz")

    @parameterized.parameters(
        (struct.pack(">2I", 2049, 5) + bytes(5), r"shape \(4,\). Received: shape \(5,\)"),
        (
            struct.pack(">2I", 2051, 4) + bytes(4),
            "Received: a file that starts with 00000803|shape",
        ),
        (b"", "Received: a file that starts with nothing"),
        (b"\0\0\x08", "Received: a file that starts with 000008"),
        (struct.pack(">2I", 2049, 4) + bytes(3), "have 12 bytes. Received: 11 bytes"),
        (struct.pack(">2I", 2049, 4) + bytes(9), "have 12 bytes. Received: 13 bytes"),
        (struct.pack(">2I", 2049, 4) + b"\0\0\0\x0a", "labels from 0 to 9. Received: 10"),
    )
    def test_labels(self, content, pattern):
        self._refuse(_LABELS, content, pattern)

    def test_images_of_another_shape(self):
        content = struct.pack(">4I", 2051, 4, 32, 32) + bytes(4 * 32 * 32)
        self._refuse(_IMAGES, content, r"shape \(4, 28, 28\). Received: shape \(4, 32, 32\)")

    def test_cut_gzip(self):
        content = gzip.compress(files.idx_files()[_IMAGES])
        self._refuse(_IMAGES, content[:-20], "be a whole file", ".gz")

    def test_gzip_that_is_none(self):
        self._refuse(_IMAGES, b"plain bytes", "be a whole file", ".gz")

    def test_official_names_have_digests(self):
        folder = files.write_folder(self.root / "idx", files.idx_files(), ".gz")
        self.assert_refused("mnist", folder, "sha256 440fcabf.*nocheck_digest", check_digest=True)
