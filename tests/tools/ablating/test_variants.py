import tensorflow as tf
from elastic_tf_tools.ablating.variants import distributions_study, levels_study


class VariantsTest(tf.test.TestCase):
    def test_each_number_of_levels_is_a_variant(self):
        study = levels_study(["--rounds=1"], [2, 5])
        found = {variant.name: variant.flags for variant in study.variants}
        expected = {f"levels{n}": ("--rounds=1", f"--num_levels={n}") for n in (2, 5)}
        self.assertEqual(found, expected)

    def test_each_distribution_is_a_variant(self):
        study = distributions_study(["--rounds=1"])
        self.assertEqual(
            [variant.flags[-1] for variant in study.variants],
            [f"--initial_distribution={name}" for name in ("proposed", "uniform", "random")],
        )


if __name__ == "__main__":
    tf.test.main()
