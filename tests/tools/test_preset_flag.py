import pathlib
import tempfile

import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools.preset_flag import define_preset


def make_flags():
    values = flags.FlagValues()
    flags.DEFINE_float("price", 1.0, "Price.", flag_values=values)
    flags.DEFINE_string("target", "high", "Target.", flag_values=values)
    flags.DEFINE_integer("other", 3, "Other.", flag_values=values)
    presets = {"cheap": {"price": 0.25, "target": None}, "dear": {"price": 9.0}}
    define_preset("preset", presets, "Preset.", flag_values=values)
    return values


class PresetFlagTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ([], 1.0, "high"),
        (["--preset=cheap"], 0.25, None),
        (["--preset=dear"], 9.0, "high"),
        (["--price=5", "--preset=cheap"], 0.25, None),
        (["--preset=cheap", "--price=5"], 5.0, None),
        (["--preset=cheap", "--target=low"], 0.25, "low"),
        (["--preset=cheap", "--preset=dear"], 9.0, None),
    )
    def test_the_order_decides(self, arguments, price, target):
        values = make_flags()
        values(["program", *arguments])
        self.assertEqual((values.price, values.target, values.other), (price, target, 3))

    def test_a_flagfile_counts_where_it_stands(self):
        path = pathlib.Path(tempfile.mkdtemp()) / "a.flags"
        path.write_text("--price=7\n--target=mine\n")
        values = make_flags()
        values(["program", f"--flagfile={path}", "--preset=dear"])
        self.assertEqual((values.price, values.target), (9.0, "mine"))

    def test_an_unknown_preset_is_refused(self):
        with self.assertRaisesRegex(flags.IllegalFlagValueError, "preset"):
            make_flags()(["program", "--preset=free"])


if __name__ == "__main__":
    tf.test.main()
