import tensorflow as tf
from elastic_tf_tools.validation_figures import format_validation


class ValidationFiguresTest(tf.test.TestCase):
    def test_a_line_names_accuracy_and_macs_of_each_task(self):
        curves = {
            "birds": {"selector": {"accuracy": 0.75, "macs_share": 0.5}},
            "fish": {"selector": {"accuracy": 0.5, "macs_share": 0.25}},
        }
        self.assertEqual(
            format_validation({"tasks": curves}),
            "birds 75.00 % at 50.0 % MACs; fish 50.00 % at 25.0 % MACs",
        )


if __name__ == "__main__":
    tf.test.main()
