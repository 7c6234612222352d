from unittest import mock

from pipelines.preparation import stl10_binary
from pipelines.preparation.stl10_binary import read_stl10_binary
from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase


class Stl10Test(RefusalTestCase):
    def _refuse(self, changes, pattern):
        members = {**files.stl10_binary(), **changes}
        path = files.tar_gz(self.root / "archive", members.items())
        self.assert_refused("stl10", path, pattern)

    def test_labels_are_counted_from_one(self):
        self._refuse({"stl10_binary/test_y.bin": bytes([1, 2, 0, 4])}, "from 1 to 10. Received: 0")

    def test_label_out_of_range(self):
        self._refuse({"stl10_binary/test_y.bin": bytes([1, 2, 3, 11])}, "Received: 11")

    def test_wrong_number_of_images(self):
        self._refuse({"stl10_binary/unlabeled_X.bin": bytes(5 * 27648)}, "have 165,888 bytes")

    def test_images_are_not_held_in_memory(self):
        path = files.tar_gz(self.root / "archive", files.stl10_binary().items())
        reads = []
        original = stl10_binary.SafeTar.chunks

        def chunks(tar, name, size):
            for chunk in original(tar, name, size):
                reads.append(name)
                yield chunk

        with mock.patch.object(stl10_binary.SafeTar, "chunks", chunks):
            content = read_stl10_binary(path, files.tiny_set("stl10"))
            self.assertEmpty(reads)
            next(content.splits["unlabelled"]())
        self.assertEqual(reads, ["stl10_binary/unlabeled_X.bin"])
