import hashlib
import pathlib
import tempfile
from unittest import mock

import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import parameterized

from pipelines.preparation.digests import OFFICIAL_DIGESTS, check_digests
from pipelines.preparation.official_sets import OFFICIAL_SETS
from tests.pipelines.preparation import official_files as files
from tests.pipelines.preparation.refusals import RefusalTestCase


class DigestsTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_task_has_its_files(self):
        self.assertEqual(OFFICIAL_DIGESTS.keys(), OFFICIAL_SETS.keys())

    @parameterized.parameters(*sorted(set(OFFICIAL_SETS) - {"tiny_imagenet"}))
    def test_sha256_are_those_of_tfds(self, name):
        theirs = {
            info.filename: info.checksum for info in tfds.builder_cls(name).url_infos.values()
        }
        ours = {file: of["sha256"] for file, of in OFFICIAL_DIGESTS[name].items() if "sha256" in of}
        self.assertEqual(ours, theirs)

    @parameterized.parameters("md5", "sha256")
    def test_another_content_is_refused(self, algorithm):
        file = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "name"
        file.write_bytes(b"content")
        digest = hashlib.new(algorithm, b"content").hexdigest()
        table = {"task": {"name": {algorithm: digest}}}
        with mock.patch.dict("pipelines.preparation.digests.OFFICIAL_DIGESTS", table):
            check_digests("task", [file])
            file.write_bytes(b"changed")
            with self.assertRaisesRegex(ValueError, f"{file} must be .* {algorithm} {digest}"):
                check_digests("task", [file])


class OfficialNameTest(RefusalTestCase):
    def test_official_name_with_another_content(self):
        path = files.tar_gz(self.root / "cifar-10-binary.tar.gz", files.cifar10_binary().items())
        pattern = r"md5 c32a1d4a.* \(or pass --nocheck_digest\)"
        self.assert_refused("cifar10", path, pattern, check_digest=True)


if __name__ == "__main__":
    tf.test.main()
