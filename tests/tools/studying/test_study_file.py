import pathlib
import tempfile

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.studying.study_file import read_study

FLAGFILE = "# Comment.\n--rho=7\n--batch_size=4\n"
STUDY = """
description = "Baselines."
flagfile = "../flagfiles/base.flags"
flags = ["--rounds=1"]

[[variants]]
name = "none"
description = "The bare rewards."
flags = ["--baseline=none", "--rho=3"]

[[variants]]
name = "leave-one_out2"
description = "The others' mean."
flags = []
"""
STUDIES = pathlib.Path(__file__).parents[3] / "tools" / "studies"


class StudyFileTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        (folder / "flagfiles").mkdir()
        (folder / "studies").mkdir()
        (folder / "flagfiles" / "base.flags").write_text(FLAGFILE)
        self.path = folder / "studies" / "baselines.toml"
        self.path.write_text(STUDY)

    def test_flags_are_the_flagfiles_then_the_studys_then_the_variants(self):
        first, second = read_study(self.path).variants
        shared = ("--rho=7", "--batch_size=4", "--rounds=1")
        self.assertEqual(first.flags, (*shared, "--baseline=none", "--rho=3"))
        self.assertEqual(second.flags, shared)

    def test_names_and_descriptions(self):
        study = read_study(self.path)
        self.assertEqual((study.name, study.description), ("baselines", "Baselines."))
        self.assertEqual([v.name for v in study.variants], ["none", "leave-one_out2"])
        self.assertEqual(study.variants[0].description, "The bare rewards.")

    def test_variants_are_selected_in_the_studys_order(self):
        study = read_study(self.path)
        self.assertEqual(study.select(["leave-one_out2", "none"]), list(study.variants))
        self.assertEqual(study.select(["none"]), [study.variants[0]])

    def test_an_unknown_variant_is_named(self):
        with self.assertRaisesRegex(ValueError, "`--only` must be of none, .* Received: birds"):
            read_study(self.path).select(["none", "birds"])

    @parameterized.parameters(
        ("[[variants]]", "[[variant", "must be TOML"),
        ("flagfile =", "flag_file =", "must have in the study of .* Received: flag_file"),
        ("base.flags", "other.flags", "must have a `flagfile` that exists.*other.flags"),
        ('["--rounds=1"]', '"--rounds=1"', "must have a list as `flags` of the study"),
        ('"--rho=3"', '"rho=3"', "must have flags, --name=value.*'none'. Received: 'rho=3'"),
        ('"--rho=3"', "3", "must have flags, --name=value.*'none'. Received: 3"),
        ('"--rho=3"', '"--seed=3"', "must not have --seed"),
        ('"--rho=3"', '"--output_dir=x"', "must not have --output_dir"),
        ('"--rho=3"', '"--flagfile=x"', "must not have --flagfile"),
        ("leave-one_out2", "none", "each name once. Received: none, none"),
        ("leave-one_out2", "../up", "named with letters, digits, - and _. Received: '../up'"),
        ('description = "The bare rewards."', "", "must have `description` in a variant"),
    )
    def test_a_faulty_file_is_refused(self, old, new, message):
        self.assertIn(old, STUDY)
        self.path.write_text(STUDY.replace(old, new, 1))
        with self.assertRaisesRegex(ValueError if "exists" not in message else OSError, message):
            read_study(self.path)

    @parameterized.parameters(
        ("", "must have `variants` in the study"),
        ("variants = []", "must have at least one variant"),
        ("variants = [3]", r"must have variants as \[\[variants\]\]. Received: 3"),
    )
    def test_there_must_be_variants(self, text, message):
        self.path.write_text(text)
        with self.assertRaisesRegex(ValueError, message):
            read_study(self.path)

    def test_a_file_that_is_missing_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "`--study` must be a file.*study=/absent"):
            read_study("/absent")

    @parameterized.parameters([(path.name,) for path in sorted(STUDIES.glob("*.toml"))])
    def test_every_study_that_we_ship_is_read(self, name):
        study = read_study(STUDIES / name)
        self.assertNotEmpty(study.description)
        for variant in study.variants:
            self.assertEndsWith(variant.description, ".")


if __name__ == "__main__":
    tf.test.main()
