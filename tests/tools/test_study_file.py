import pathlib
import tempfile

from elastic_tf_tools import study_file
from elastic_tf_tools.processes import parse_training_flags
from elastic_tf_tools.study_file import read_study

import tensorflow as tf
from absl.testing import parameterized

FLAGFILE = "# Comment.\n--rho=8\n--batch_size=4\n"
STUDY = """
description = "Baselines."
flagfile = "../flagfiles/base.flags"
flags = ["--rounds=1"]
figure = "levels"
claims = ["levels_macs"]

[[require]]
flag = "--distillation_weight=0"
because = "the teacher would do it all"

[[refuse]]
flag = "--full_share=0"
because = "nobody would be full"

[[advise]]
flag = "--target_macs=none"
because = "all would be of a size"

[[variants]]
name = "none"
description = "The bare rewards."
flags = ["--baseline=none", "--price=3", "--distillation_weight=0.0"]

[[variants]]
name = "leave-one_out2"
description = "The others' mean."
flags = ["--distillation_weight=0"]
"""
STUDIES = pathlib.Path(study_file.__file__).parent / "studies"


class StudyFileTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        (folder / "flagfiles").mkdir()
        (folder / "studies").mkdir()
        (folder / "flagfiles" / "base.flags").write_text(FLAGFILE)
        self.path = folder / "studies" / "baselines.toml"
        self.path.write_text(STUDY)

    def test_flags_are_the_files_then_those_given_then_the_variants(self):
        study = read_study(self.path, ["--rounds=2"])
        shared = ("--rho=8", "--batch_size=4", "--rounds=1", "--rounds=2")
        first, second = study.variants
        own = ("--baseline=none", "--price=3", "--distillation_weight=0.0")
        self.assertEqual(first.flags, (*shared, *own))
        self.assertEqual(first.varied, ("distillation_weight", "price", "baseline"))
        self.assertEqual(second.flags, (*shared, "--distillation_weight=0"))
        self.assertEqual((study.name, study.description), ("baselines", "Baselines."))
        self.assertEqual((first.name, first.description), ("none", "The bare rewards."))
        self.assertEqual((study.figure, study.claims), ("levels", ("levels_macs",)))

    def test_variants_are_selected_in_the_studys_order(self):
        study = read_study(self.path)
        self.assertEqual(study.select(["leave-one_out2", "none"]), list(study.variants))
        self.assertEqual(study.select(None), list(study.variants))
        with self.assertRaisesRegex(ValueError, "`--only` must be of none, .* Received: birds"):
            study.select(["none", "birds"])

    @parameterized.parameters(
        ("--baseline=leave_one_out", None),  # Its default is no choice.
        ("--baseline=none", "`--baseline` must not be given: the study varies it. Received: basel"),
        ("--rho=2", "`--price` must not be given: the study varies it"),
        ("--full_share=0", "`--full_share` must not be 0: nobody would be full. Received: full_s"),
    )
    def test_given_flags_must_go_with_the_study(self, flag, message):
        if message is None:
            read_study(self.path, [flag])
            return
        with self.assertRaisesRegex(ValueError, message):
            read_study(self.path, [flag])

    def test_what_is_required_is_required_of_every_variant(self):
        self.path.write_text(STUDY.replace('["--distillation_weight=0"]', "[]"))
        with self.assertRaisesRegex(ValueError, "must be 0: the teacher .*Received: .*weight=0.7"):
            read_study(self.path)

    def test_advice_that_is_not_followed_is_a_warning(self):
        self.assertEqual(read_study(self.path).warnings, ())
        line = "`--target_macs` should be none: all would be of a size. Received: target_macs=0.4"
        self.assertEqual(read_study(self.path, ["--target_macs=0.4"]).warnings, (line,))

    @parameterized.parameters(
        ("[[variants]]", "[[variant", "must be TOML"),
        ("flagfile =", "flag_file =", "must have in the study of .* Received: flag_file"),
        ("base.flags", "other.flags", "must have a `flagfile` that exists.*other.flags"),
        ('["--rounds=1"]', '"--rounds=1"', "must have a list as `flags` of the study"),
        ('"--price=3"', '"price=3"', "must have flags, --name=value.*'none'. Received: 'price=3'"),
        ('"--price=3"', "3", "must have flags, --name=value.*'none'. Received: 3"),
        ('"--price=3"', '"--seed=3"', "must not have --seed"),
        ('"--price=3"', '"--output_dir=x"', "must not have --output_dir"),
        ('"--price=3"', '"--flagfile=x"', "must not have --flagfile"),
        ('"--price=3"', '"--prize=3"', "'none': Unknown command line flag 'prize'"),
        ('"--price=3"', '"--price=-3"', "'none': .*`price` must be a number above 0"),
        (
            '"--price=3"',
            '"--samples_per_image=1", "--selector_gradient=minimum_risk"',
            "'none': `s",
        ),
        ("leave-one_out2", "none", "each name once. Received: none, none"),
        ("leave-one_out2", "../up", "named with letters, digits, - and _. Received: '../up'"),
        ('description = "The bare rewards."', "", "must have `description` in ..variants"),
        ('"levels"', '"size"', "must have `figure` of levels, .* Received: 'size'"),
        ('["levels_macs"]', '["size"]', "must have `claims` of levels_accuracy, .* Rec.*: 'size'"),
        ('because = "nobody would be full"', "", "must have `because` in ..refuse"),
    )
    def test_a_faulty_file_is_refused(self, old, new, message):
        self.assertIn(old, STUDY)
        self.path.write_text(STUDY.replace(old, new, 1))
        with self.assertRaisesRegex(ValueError if "exists" not in message else OSError, message):
            read_study(self.path)

    @parameterized.parameters(
        ("", "must have `variants` in the study"),
        ("variants = []", "must have at least one variant"),
        ("variants = [3]", r"must have tables as \[\[variants\]\]. Received: 3"),
    )
    def test_there_must_be_variants(self, text, message):
        self.path.write_text(text)
        with self.assertRaisesRegex(ValueError, message):
            read_study(self.path)

    def test_a_file_that_is_missing_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "`--study` must be a file.*study=/absent"):
            read_study("/absent")


class ShippedStudiesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters([(path.name,) for path in sorted(STUDIES.glob("*.toml"))])
    def test_every_study_is_read_without_a_warning(self, name):
        study = read_study(STUDIES / name)
        self.assertNotEmpty(study.description)
        self.assertEmpty(study.warnings)
        for variant in study.variants:
            self.assertEndsWith(variant.description, ".")

    def test_levels_are_compared_without_a_target(self):
        study = read_study(STUDIES / "levels.toml")
        values = [parse_training_flags(variant.flags) for variant in study.variants]
        self.assertEqual([each["num_levels"].value for each in values], [2, 3, 4, 5])
        self.assertEqual({each["target_macs"].value for each in values}, {None})
        (warning,) = read_study(STUDIES / "levels.toml", ["--target_macs=0.4"]).warnings
        self.assertIn("trained to the same size", warning)
        with self.assertRaisesRegex(ValueError, "`--ratios` must be none"):
            read_study(STUDIES / "levels.toml", ["--ratios=0,1"])

    def test_initial_distributions_are_compared_without_distillation(self):
        path = STUDIES / "initial_distribution.toml"
        values = [parse_training_flags(variant.flags) for variant in read_study(path).variants]
        names = ["proposed", "uniform", "random"]
        self.assertEqual([each["initial_distribution"].value for each in values], names)
        self.assertEqual({each["distillation_weight"].value for each in values}, {0.0})
        for flag in ("--distillation_weight=0.7", "--full_share=0"):
            with self.assertRaisesRegex(ValueError, "proposed distribution is the uniform one"):
                read_study(path, [flag])
