"""Tests of files that a network is to start from."""

import json
import pathlib
import tempfile
import zipfile

import keras
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.pretrained.sources import load_source


class FilesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _refused(self, name):
        with self.assertRaisesRegex(ValueError, "^[^\\n]*must be a whole file. Received: [^\\n]*$"):
            load_source(name)

    @parameterized.parameters(b"", b"no zip", b"PK\x03\x04")
    def test_what_is_no_network_is_refused_in_a_line(self, content):
        path = self.folder / "network.keras"
        path.write_bytes(content)
        self._refused(str(path))
        weights = self.folder / "weights.h5"
        weights.write_bytes(content)
        self._refused(f"mobilenetv2={weights}")

    def test_a_file_with_damage_in_its_midst_is_refused(self):
        path = self.folder / "network.keras"
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(100)]).save(path)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 500] = b"\xff" * 500
        path.write_bytes(content)
        self._refused(str(path))

    @parameterized.parameters("[]", "{}", "no json")
    def test_another_configuration_is_refused(self, config):
        path = self.folder / "network.keras"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
            file.writestr("config.json", config)
        self._refused(str(path))

    def test_a_network_that_is_a_program_is_not_run(self):
        path = self.folder / "network.keras"
        inputs = keras.Input((4,))
        keras.Model(inputs, keras.layers.Lambda(lambda x: 2 * x)(inputs)).save(path)
        self._refused(str(path))

    @parameterized.parameters("nowhere.keras", "mobilenetv2=nowhere.h5")
    def test_a_file_that_is_not_there_is_named(self, name):
        with self.assertRaisesRegex(FileNotFoundError, "must exist. Received: nowhere"):
            load_source(name)


if __name__ == "__main__":
    tf.test.main()
