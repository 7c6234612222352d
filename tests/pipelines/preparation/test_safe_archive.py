import gzip
import tarfile

from absl.testing import parameterized

from pipelines.preparation.safe_archive import SafeTar
from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase

_BATCH = "cifar-10-batches-bin/data_batch_2.bin"


def _member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class SafeTarTest(RefusalTestCase, parameterized.TestCase):
    def _refuse(self, members, pattern):
        path = files.tar_gz(self.root / "archive", members)
        self.assert_refused("cifar10", path, pattern)

    def _refuse_bytes(self, change, pattern):
        path = files.tar_gz(self.root / "archive", files.cifar10_binary().items())
        path.write_bytes(change(path.read_bytes()))
        self.assert_refused("cifar10", path, pattern)

    def _refuse_tar(self, change, pattern):
        self._refuse_bytes(lambda content: gzip.compress(change(gzip.decompress(content))), pattern)

    @parameterized.parameters(
        "../evil", "/evil", "cifar-10-batches-bin/../../evil", "..\\evil", "C:/evil"
    )
    def test_names_that_lead_out(self, name):
        members = [*files.cifar10_binary().items(), (name, b"")]
        self._refuse(members, "have members below its own folder. Received: member ")

    @parameterized.parameters(
        (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "a"), (tarfile.CHRTYPE, "")
    )
    def test_links_and_devices(self, kind, target):
        members = files.cifar10_binary()
        members.pop(_BATCH)
        members = [(_member(_BATCH, kind, target), b""), *members.items()]
        self._refuse(members, "nothing but files and folders. Received: member .*data_batch_2.bin")

    def test_missing_file(self):
        members = files.cifar10_binary()
        members.pop(_BATCH)
        self._refuse(members.items(), f"hold {_BATCH}. Received: 1 missing")

    def test_file_that_is_there_twice(self):
        members = files.cifar10_binary()
        self._refuse([*members.items(), (_BATCH, members[_BATCH])], f"hold {_BATCH} once")

    @parameterized.parameters(-1, 1, 3073)
    def test_file_of_another_size(self, more):
        members = files.cifar10_binary()
        members[_BATCH] = (members[_BATCH] + bytes(4000))[: 2 * 3073 + more]
        self._refuse(members.items(), f"{_BATCH} .* have 6,146 bytes. Received: {6146 + more:,} b")

    def test_size_is_checked_before_the_content_is_read(self):
        # A header that claims a terabyte, with nothing behind it.
        info = tarfile.TarInfo(_BATCH)
        info.size = 2**40
        path = self.root / "archive"
        path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))
        self.assert_refused("cifar10", path, "Received: 1,099,511,627,776 bytes")

    @parameterized.parameters(0.2, 0.9, 0.999)
    def test_cut_gzip(self, share):
        self._refuse_bytes(lambda of: of[: int(share * len(of))], "be a whole ")

    def test_damaged_checksum(self):
        self._refuse_bytes(lambda of: of[:-8] + bytes(4) + of[-4:], "be a whole gzip file")

    def test_bytes_behind_the_gzip(self):
        self._refuse_bytes(lambda of: of + b"more", "be a whole gzip file")

    def test_bytes_behind_the_tar(self):
        self._refuse_tar(lambda of: of + b"more", "end after its last member")

    def test_cut_tar(self):
        self._refuse_tar(lambda of: of[:5000], "be a whole archive")

    def test_tar_that_is_cut_between_members(self):
        # Each of the files has a header, and is filled up to whole blocks of 512 bytes.
        sizes = [512 + -(-len(of) // 512) * 512 for of in files.cifar10_binary().values()]
        self._refuse_tar(lambda of: of[: sum(sizes)], "be a whole archive")

    def test_damaged_header(self):
        # The header of the second member, behind one of under 512 bytes.
        self._refuse_tar(lambda of: of[:1024] + b"x" * 512 + of[1536:], "be a whole tar archive")

    def test_archive_that_unpacks_without_end(self):
        members = [*files.cifar10_binary().items(), ("notes", bytes(2**23))]
        self._refuse(members, "hold at most [0-9,]* bytes")

    @parameterized.parameters("path", "size")
    def test_headers_that_rename_or_resize(self, field):
        info = tarfile.TarInfo("cifar-10-batches-bin/x")
        info.pax_headers = {field: "7"}
        self._refuse([(info, b""), *files.cifar10_binary().items()], "in plain headers")

    def test_header_without_end(self):
        info = tarfile.TarInfo("cifar-10-batches-bin/x")
        info.pax_headers = {"comment": "x" * 2**17}
        self._refuse([(info, b"")], "have headers of at most 65,536 bytes")

    def test_harmless_members_are_skipped(self):
        info = tarfile.TarInfo("./b")
        info.pax_headers = {"mtime": "1.5"}
        members = [(_member("c", tarfile.DIRTYPE), b""), ("a", b"1"), (info, b"23"), ("d", b"")]
        path = files.tar_gz(self.root / "archive", members)
        read = {
            name: stream.read(size)
            for name, size, stream in SafeTar(path, {"b": (2, 2), "d": (0, 1)}).files()
        }
        self.assertEqual(read, {"b": b"23", "d": b""})

    def test_chunks(self):
        members = [("a", b"ignored"), ("b", b"123456")]
        tar = SafeTar(files.tar_gz(self.root / "archive", members), {"b": (6, 6)})
        self.assertEqual(list(tar.chunks("b", 2)), [b"12", b"34", b"56"])
