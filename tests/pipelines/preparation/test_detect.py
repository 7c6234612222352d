from absl.testing import parameterized

from pipelines.preparation.detect import detect
from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase


class DetectTest(RefusalTestCase, parameterized.TestCase):
    def test_archive_of_another_data_set(self):
        path = files.tar_gz(self.root / "cifar-10-binary.tar.gz", files.cifar100_binary().items())
        self.assert_refused("cifar10", path, "be cifar-10-.* Received: files of cifar100")

    @parameterized.parameters(b"", b"plain text", b"PK")
    def test_other_files(self, content):
        (self.root / "file").write_bytes(content)
        self.assert_refused("cifar10", self.root / "file", "Received: ")

    def test_archive_of_something_else(self):
        path = files.tar_gz(self.root / "archive", [("a/b", b"c")])
        self.assert_refused("cifar10", path, "Received: none of them")

    def test_zip_of_something_else(self):
        path = files.write_zip(self.root / "archive", {"a/b": b"c"})
        self.assert_refused("tiny_imagenet", path, "Received: none of them")

    def test_folder_of_something_else(self):
        self.assert_refused("mnist", self.root, "be a folder with train-images.*none of them")

    def test_folder_of_another_data_set(self):
        folder = files.svhn_folder(self.root / "mat")
        self.assert_refused("mnist", folder, "Received: files of svhn_cropped")

    def test_nothing_there(self):
        with self.assertRaisesRegex(FileNotFoundError, "`from` must be a path that exists"):
            detect(self.root / "absent", files.tiny_set("mnist"))
