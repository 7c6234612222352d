import stat
import zipfile

import numpy as np
from absl.testing import parameterized

from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase

_FOLDER = "tiny-imagenet-200"
_JPEG = f"{_FOLDER}/train/n01/images/n01_2.JPEG"
_NOTES = f"{_FOLDER}/val/val_annotations.txt"


class TinyImageNetTest(RefusalTestCase, parameterized.TestCase):
    def _refuse(self, pattern, changes=(), without=()):
        """Asserts that the archive and the folder are refused alike."""
        members = {**files.tiny_imagenet(), **dict(changes)}
        members = {name: of for name, of in members.items() if name not in without}
        with self.subTest("zip"):
            path = files.write_zip(self.root / "archive", members)
            self.assert_refused("tiny_imagenet", path, pattern)
        with self.subTest("folder"):
            folder = files.write_folder(self.root / "folder", members)
            self.assert_refused("tiny_imagenet", folder, pattern)

    def _refuse_zip(self, pattern, name, kind=0, content=b""):
        path = files.write_zip(self.root / "archive", files.tiny_imagenet())
        info = zipfile.ZipInfo(name)
        info.external_attr = kind << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, content)
        self.assert_refused("tiny_imagenet", path, pattern)

    @parameterized.parameters(
        (b"n03\nn01\n", "have 3 different classes. Received: 2 in 2 lines"),
        (b"n03\nn01\nn01\n", "Received: 2 in 3 lines"),
        (b"n03\nn01\nn04\n", r"hold train/n04/images/\*.JPEG. Received: none"),
        (b"\xff", "be text in UTF-8"),
    )
    def test_class_list(self, content, pattern):
        self._refuse(pattern, {f"{_FOLDER}/wnids.txt": content})

    def test_missing_annotations(self):
        self._refuse("hold val/val_annotations.txt", without=[_NOTES])

    @parameterized.parameters(
        (
            b"val_0.JPEG\tn01\nval_1.JPEG\tn09\n",
            "line 2 of .* a class of wnids.txt. Received: 'n09'",
        ),
        (b"val_0.JPEG\n", "line 1 of .* Received: ''"),
        (b"../x.JPEG\tn01\n", "name an image in val/images. Received: '../x.JPEG'"),
        (b"val_0.JPEG\tn01\nval_0.JPEG\tn02\n", "name an image once"),
        (b"val_0.JPEG\tn01\n", "test in .* have 3 images. Received: 1"),
        (b"", "test in .* have 3 images. Received: 0"),
    )
    def test_annotations(self, content, pattern):
        self._refuse(pattern, {_NOTES: content})

    def test_missing_train_image(self):
        self._refuse("train in .* have 6 images. Received: 5", without=[_JPEG])

    def test_missing_test_image(self):
        name = "val_1.JPEG"
        self._refuse(f"Received: '{name}'", without=[f"{_FOLDER}/val/images/{name}"])

    @parameterized.parameters(
        (files.jpeg(np.zeros((64, 63, 3), np.uint8)), "be 64x64 pixels .* Received: 63x64 RGB"),
        (
            files.tiny_imagenet()[_JPEG][:-200],
            "be a whole JPEG file. Received: image file is trunc",
        ),
        (b"GIF89a", "be a whole JPEG file"),
        (b"", "be a whole JPEG file"),
        (bytes(2**18), "have at most 131,072 bytes"),
    )
    def test_images(self, content, pattern):
        self._refuse(f"{_JPEG.partition('/')[2]}.*{pattern}", {_JPEG: content})

    @parameterized.parameters("../evil", "/evil", "a/../../evil")
    def test_zip_names_that_lead_out(self, name):
        self._refuse_zip("have members below its own folder", name)

    @parameterized.parameters(stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO)
    def test_zip_links_and_devices(self, kind):
        self._refuse_zip("hold nothing but files and folders", f"{_FOLDER}/x", kind)

    def test_zip_member_twice(self):
        with self.assertWarns(UserWarning):
            self._refuse_zip(f"hold {_JPEG} once", _JPEG)

    @parameterized.parameters(0.3, 0.99)
    def test_cut_zip(self, share):
        path = files.write_zip(self.root / "archive", files.tiny_imagenet())
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        self.assert_refused("tiny_imagenet", path, "be a whole zip file")

    def test_damaged_zip_member(self):
        path = files.write_zip(self.root / "archive", files.tiny_imagenet())
        jpeg = files.tiny_imagenet()[_JPEG]
        path.write_bytes(
            path.read_bytes().replace(jpeg, jpeg[:-3] + bytes([jpeg[-3] ^ 1]) + jpeg[-2:])
        )
        self.assert_refused("tiny_imagenet", path, "Bad CRC-32")
