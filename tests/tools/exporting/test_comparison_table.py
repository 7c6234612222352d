import tensorflow as tf
from elastic_tf_tools.exporting.comparison_table import format_comparison


class ComparisonTableTest(tf.test.TestCase):
    def test_a_line_for_each_row(self):
        row = {"model": "full", "format": "litert", "quantization": "int8", "megabytes": 0.317}
        row |= {"accuracy": 0.8641, "macs_share": 1.0, "time_ratios": {1: 0.131, 64: 0.378}}
        other = {"format": "Python", "quantization": "none", "megabytes": None}
        lines = format_comparison([row, row | other], [1, 64]).splitlines()
        self.assertEqual(
            lines,
            [
                "| model | format | MB | accuracy % | MACs % | time, batch 1 | time, batch 64 |",
                "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
                "| full | litert, int8 | 0.32 | 86.4 | 100.0 | 0.13 | 0.38 |",
                "| full | Python |  | 86.4 | 100.0 | 0.13 | 0.38 |",
            ],
        )


if __name__ == "__main__":
    tf.test.main()
