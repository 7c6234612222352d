import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools.given_flags import (
    OF_THE_COMMAND,
    flag_name,
    given_flags,
    serialize,
    training_flag_names,
)


class GivenFlagsTest(tf.test.TestCase, parameterized.TestCase):
    def _given(self, *arguments):
        with flagsaver.flagsaver():
            values = flags.FlagValues()
            for name in (*training_flag_names(), *OF_THE_COMMAND):
                values[name] = flags.FLAGS[name]
            values(["command", "--output_dir=out", *arguments])
            return [flag.serialize() for flag in given_flags(values)]

    def test_only_what_was_given_is_passed_on(self):
        self.assertEqual(
            self._given("--rho=2", "--tasks=digits", "--search_evaluations=3"),
            ["--tasks=digits", "--rho=2.0", "--search_evaluations=3"],
        )

    def test_a_boolean_has_a_name_and_a_value(self):
        for value in ("true", "false"):
            flag = flags.BooleanFlag("download", value == "true", "")
            self.assertEqual(serialize(flag), f"--download={value}")
            self.assertEqual(flag_name(serialize(flag)), "download")

    def test_what_the_command_says_itself_is_not_passed_on(self):
        self.assertEmpty(self._given("--seed=3"))

    def test_a_preset_is_passed_on_as_what_it_sets(self):
        given = self._given("--preset=paper", "--rho=2")
        self.assertIn("--selector_gradient=reinforce", given)
        self.assertIn("--rho=2.0", given)
        self.assertFalse(any(flag.startswith("--preset") for flag in given))

    @parameterized.parameters("--until_step=3", "--nofinal_test")
    def test_what_is_for_a_single_training_is_refused(self, argument):
        with self.assertRaisesRegex(ValueError, "must not be given: it is for a single training"):
            self._given(argument)


if __name__ == "__main__":
    tf.test.main()
