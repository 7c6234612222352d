""""""

import json
import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.export.formats import ExportOptions, export_fixed
from elastic_tf.models.elastic_network import ElasticNetwork
from elastic_tf.models.standalone import fixed_network
from tests.testing import TASKS, randomise


class FixedExportTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Wide, so that weights are most of a file.
        cls.network = ElasticNetwork(TASKS, backbone="wrn-8-8", trunk_size=32)
        randomise(cls.network.estimator)

    def _size(self, export_format, levels):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            manifest = folder / "export.json"
            manifest.write_text(json.dumps({}))
            output = folder / "output"
            output.mkdir()
            options = ExportOptions("uint8", manifest)
            export_fixed(export_format, output, self.network, "grey", levels, options)
            return sum(file.stat().st_size for file in output.rglob("*") if file.is_file())

    @parameterized.parameters("saved_model", "keras", "litert", "onnx")
    def test_files_are_as_large_as_the_parameters_of_the_model(self, export_format):
        for levels in ((0, 0, 0), (3, 1, 2), (3, 3, 3)):
            count = fixed_network(self.network.estimator, "grey", levels).count_params()
            overhead = self._size(export_format, levels) - 4 * count
            self.assertBetween(overhead, -0.02 * 4 * count, 0.05 * 4 * count + 160_000)


if __name__ == "__main__":
    tf.test.main()
