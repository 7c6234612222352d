import tensorflow as tf
from elastic_tf_tools.flag_values import parse_per_task, parse_ratios


class FlagValuesTest(tf.test.TestCase):
    def test_one_number_is_for_all_tasks(self):
        self.assertEqual(parse_per_task("128", int), 128)

    def test_numbers_per_task(self):
        self.assertEqual(parse_per_task("a=1e-4, b=0.5", float), {"a": 1e-4, "b": 0.5})

    def test_text_is_refused(self):
        with self.assertRaises(ValueError):
            parse_per_task("a=1,b", int)

    def test_ratios_for_all_blocks(self):
        self.assertEqual(parse_ratios("0,0.5,1"), [0, 0.5, 1])

    def test_ratios_per_block(self):
        self.assertEqual(parse_ratios("0,1;0.5,1"), [[0, 1], [0.5, 1]])


if __name__ == "__main__":
    tf.test.main()
