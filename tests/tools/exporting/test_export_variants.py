import tensorflow as tf
from elastic_tf_tools.exporting.export_variants import export_variants


class ExportVariantsTest(tf.test.TestCase):
    def _flags(self, *models, formats=("saved_model",), quantizations=()):
        variants = export_variants(models, formats, quantizations, num_levels=5)
        return {variant.name: variant.flags[2:] for variant in variants}

    def test_models_are_said_as_export_takes_them(self):
        self.assertEqual(
            self._flags("dynamic", "1", "3-0-1", "most_used", "full"),
            {
                "dynamic_saved_model": (),
                "1_saved_model": ("--level=1",),
                "3-0-1_saved_model": ("--levels=3-0-1",),
                "most_used_saved_model": ("--levels=most_used",),
                "full_saved_model": ("--level=4",),
            },
        )

    def test_only_fixed_litert_is_quantised(self):
        found = self._flags(
            "dynamic", "1", formats=("litert", "onnx"), quantizations=("float16", "int8")
        )
        names = ["dynamic_litert", "dynamic_onnx", "1_litert"]
        names += ["1_litert_float16", "1_litert_int8", "1_onnx"]
        self.assertEqual(list(found), names)

    def test_format_and_quantization_are_flags(self):
        (_, variant) = export_variants(["1"], ["litert"], ["int8"], 5)
        self.assertEqual(variant.flags[:2], ("--format=litert", "--quantization=int8"))


if __name__ == "__main__":
    tf.test.main()
