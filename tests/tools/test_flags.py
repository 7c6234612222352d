import contextlib
import importlib
import io
import json
import os
import pathlib
import types
from unittest import mock

from elastic_tf_tools import flags
from elastic_tf_tools.__main__ import COMMANDS
from elastic_tf_tools.training_settings import SETTINGS, TrainingSettings, flag_name, setting_fields

import tensorflow as tf
from absl import flags as absl_flags
from absl import logging
from absl.testing import parameterized

import elastic_tf
from pipelines import DataSettings
from tests.tools.commands import run_command, run_failing

FIELDS = {flag_name(field): (section, field) for section, field in setting_fields(*SETTINGS)}


def parse(*arguments):
    """Returns the flags of a training, parsed."""
    values = absl_flags.FlagValues()
    flags.define_training_settings(values)
    flags.parse(values, ["train", *arguments])
    return values


def echo(define_flags=flags.define_training_settings):
    """Returns a command that prints its settings as JSON."""

    def main(values):
        with flags.one_line_errors():
            flags.check_no_arguments(values)
            print(json.dumps(flags.read_training_settings(values).flat()))

    return types.SimpleNamespace(
        __name__="echo", __doc__="Echoes.", define_flags=define_flags, main=main
    )


def valid_values(field):
    """Returns values that a setting may have, of every kind that its metadata speak of."""
    known = field.metadata
    values = [field.default, *known.get("choices", ())]
    values += [known[key] for key in ("paper",) if key in known]
    if not known.get("is_list"):
        values += [known["kind"](known[key]) for key in ("low", "high") if key in known]
    if known.get("optional"):
        values.append(None)
    if known.get("per_task"):
        values.append({"digits": known["kind"](1), "birds": known["kind"](0.75) or 1})
    return values


def invalid_texts(field):
    """Returns texts that a setting's flag must refuse."""
    known = field.metadata
    texts = ["?"] if known["kind"] is not str or "choices" in known else []
    if known["kind"] in (int, float):
        texts.append("nan")
        bounds = {"low": -1, "high": 1, "above": 0, "below": 0}
        texts += [str(known[key] + step) for key, step in bounds.items() if key in known]
        if "above" in known and known.get("per_task"):
            texts.append(f"digits={known['above']}")
    return texts


class SettingsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*FIELDS)
    def test_library_default_flag_default_and_documented_default_are_one(self, name):
        section, field = FIELDS[name]
        values = parse()
        default = getattr(SETTINGS[section](), field.name)
        self.assertEqual(default, field.default)
        self.assertEqual(values[name].value, default)
        self.assertNotEmpty(field.metadata["help"])
        if default is not None:
            documented = flags.help_text("", values).split(f"--{name}: ")[1].split("\n  --")[0]
            documented = documented.split("\n\n")[0].rpartition("(")[2].rstrip(")")
            self.assertEqual(parse(f"--{name}={documented}")[name].value, default)

    @parameterized.parameters(*FIELDS)
    def test_every_value_comes_back_from_its_text(self, name):
        for value in valid_values(FIELDS[name][1]):
            text = flags.serialize(name, value)
            self.assertStartsWith(text, f"--{name}=")
            self.assertEqual(parse(text)[name].value, value)

    @parameterized.parameters(*(name for name in FIELDS if invalid_texts(FIELDS[name][1])))
    def test_what_is_out_of_range_is_one_line(self, name):
        for text in invalid_texts(FIELDS[name][1]):
            line = run_failing(echo(), f"--{name}={text}")
            self.assertRegex(line, f"--{name}=.* must be .* Received: .*")

    @parameterized.parameters(
        ("--backbone=vit-b", "`backbone` must look like wrn-DEPTH-WIDEN"),
        ("--tasks=digits,digits", "`tasks` must name at least one task, each once"),
        ("--samples_per_image=1", "`samples_per_image` must be an integer >= 2 for"),
        ("--task_weights=2", "`task_weights` must be one of equal"),
        ("--rho=-1", "`--rho` must be a number above 0. Received: rho=-1"),
        ("--preset=free", "`--preset` must be paper. Received: preset=free"),
        ("--nonsense=1", "Unknown command line flag 'nonsense'"),
        ("price=3", "Arguments must be flags, --name=value. Received: .'price=3'."),
    )
    def test_other_faults_are_one_line_too(self, argument, fault):
        self.assertRegex(run_failing(echo(), argument), f"^error: .*{fault}")

    @parameterized.parameters(("0,0.5,1", (0.0, 0.5, 1.0)), ("0,1;0.5,1", ((0.0, 1.0), (0.5, 1.0))))
    def test_ratios_are_for_all_blocks_or_for_each(self, text, expected):
        self.assertEqual(parse(f"--ratios={text}")["ratios"].value, expected)
        (again,) = flags.given(parse(f"--ratios={text}"), ["ratios"])
        self.assertEqual(parse(again)["ratios"].value, expected)

    def test_quotes_keep_the_commas_of_a_path(self):
        values = parse('--tasks=digits,"birds:folder=/a, b",image_size=48')
        expected = ("digits", "birds:folder=/a, b", "image_size=48")
        self.assertEqual(values["tasks"].value, expected)
        self.assertEqual(parse(*flags.given(values, ["tasks"]))["tasks"].value, expected)


class StandInTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (["--preset=paper"], 0.1, None),
        (["--price=5", "--target_macs=0.3", "--preset=paper"], 0.1, None),
        (["--preset=paper", "--price=5", "--target_macs=0.3"], 5.0, 0.3),
        (["--rho=4"], 0.25, None),
        (["--preset=paper", "--rho=4"], 0.25, None),
        (["--rho=4", "--price=3"], 3.0, None),
    )
    def test_the_order_decides(self, arguments, price, target):
        values = parse(*arguments)
        self.assertEqual((values["price"].value, values["target_macs"].value), (price, target))

    def test_a_flagfile_counts_where_it_stands(self):
        path = pathlib.Path(self.get_temp_dir()) / "a.flags"
        path.write_text("--price=7\n--cost=macs\n")
        values = parse("--preset=paper", f"--flagfile={path}")
        self.assertEqual((values["price"].value, values["cost"].value), (7.0, "macs"))

    def test_the_preset_is_the_papers_of_every_section(self):
        settings = flags.read_training_settings(parse("--preset=paper"))
        for section, cls in SETTINGS.items():
            if section != "data":
                self.assertEqual(getattr(settings, section), cls.paper())
        self.assertEqual(settings.data, DataSettings(crop_pad=4))

    def test_it_is_passed_on_as_what_it_sets(self):
        values = parse("--preset=paper", "--price=2", "--nodownload")
        given = flags.given(values, flags.setting_names())
        self.assertIn("--selector_gradient=reinforce", given)
        self.assertIn("--price=2.0", given)
        self.assertIn("--download=false", given)
        self.assertEqual(
            flags.read_training_settings(parse(*given)), flags.read_training_settings(values)
        )


class CommandLineTest(tf.test.TestCase, parameterized.TestCase):
    def test_help_shows_each_flag_once_in_its_section(self):
        printed = run_command(echo(), "--help")
        self.assertStartsWith(printed, "Echoes.\n")
        sections = {
            part.split(" flags:", 1)[0]: part for part in printed.split("\n\n") if " flags:" in part
        }
        self.assertEqual(list(sections), [*SETTINGS, "other"])
        for name, (section, _) in FIELDS.items():
            self.assertIn(f"\n  --{name}: ", sections[section])
            self.assertEqual(printed.count(f"\n  --{name}: "), 1)

    @parameterized.parameters(("60", 60), ("5", 50), ("300", 100))
    def test_help_is_as_wide_as_the_terminal(self, columns, width):
        with mock.patch.dict(os.environ, COLUMNS=columns):
            printed = run_command(echo(), "--help")
        widest = max(map(len, printed.splitlines()))
        self.assertBetween(widest, width - 10, width)

    def test_what_an_encoding_lacks_is_escaped(self):
        written = io.BytesIO()
        with io.TextIOWrapper(written, encoding="ascii") as stream:
            with contextlib.redirect_stdout(stream):
                command = types.SimpleNamespace(
                    __doc__="",
                    define_flags=lambda values: None,
                    main=lambda values: print("дом 猫"),
                )
                flags.run(command, ["echo"])
            stream.flush()
            self.assertEqual(written.getvalue(), rb"\u0434\u043e\u043c \u732b" + b"\n")

    def test_a_renamed_flag_says_its_new_name_and_is_not_in_the_help(self):
        def define(values):
            flags.define_training_settings(values)
            flags.define_renamed(values, macs_limit="budget")

        line = run_failing(echo(define), "--macs_limit=0.4")
        expected = "error: `--macs_limit` is called `--budget` now. Received: macs_limit=0.4"
        self.assertEqual(line, expected)
        self.assertNotIn("macs_limit", run_command(echo(define), "--help"))

    @parameterized.parameters(([], logging.WARNING), (["--verbosity=0"], logging.INFO))
    def test_log_lines_of_others_are_left_out_unless_asked_for(self, arguments, expected):
        run_command(echo(), *arguments)
        self.assertEqual(logging.get_verbosity(), expected)

    def test_required_flags_are_asked_for(self):
        command = echo(flags.define_run)
        self.assertRegex(run_failing(command), "^error: .*model_dir")

    def test_of_a_run_only_what_is_given_changes(self):
        values = absl_flags.FlagValues()
        flags.define_run(values)
        flags.parse(values, ["x", "--model_dir=run", "--tasks=digits", "--data_dir=none"])
        expected = {"tasks": ("digits",), "data_dir": None}
        self.assertEqual(flags.read_run(values), ("run", expected))

    @parameterized.parameters(*COMMANDS)
    def test_a_path_with_too_long_a_name_is_one_line(self, name):
        command = importlib.import_module(f"elastic_tf_tools.{name}")
        values = flags.command_flags(command)
        paths = ("output_dir", "output", "model_dir", "model", "study", "manual_dir", "exports")
        given = [path for path in paths if path in values]
        others = {
            "tune": ["--budget=0.5"],
            "predict": ["image.png"],
            "prepare_data": ["--task=mnist"],
        }
        long = [f"--{path}={'x' * 9999}" for path in given]
        line = run_failing(command, *long, *others.get(name, ()))
        self.assertRegex(line, "^error: .*xxx")

    @parameterized.parameters(ValueError, FileNotFoundError, FileExistsError)
    def test_bad_input_is_a_line_and_status_2(self, kind):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), self.assertRaises(SystemExit) as caught:
            with flags.one_line_errors():
                raise kind("`price` must be above 0. Received: price=-1")
        self.assertEqual(caught.exception.code, 2)
        self.assertEqual(stream.getvalue(), "error: `price` must be above 0. Received: price=-1\n")

    def test_faults_of_ours_are_not_hidden(self):
        with self.assertRaises(KeyError), flags.one_line_errors():
            raise KeyError("a bug")


class TrainingSettingsTest(tf.test.TestCase):
    def test_settings_come_back_by_way_of_json(self):
        settings = flags.read_training_settings(
            parse(
                "--preset=paper",
                "--tasks=digits,fashion_mnist_small",
                "--batch_size=digits=4,fashion_mnist_small=8",
                "--backbone=wrn-8-1",
                "--ratios=0,0.5,1;0,0.25,1;0,0.5,1",
                "--initial_decay_at=0.3",
                "--bn_momentum=0.8",
                "--data_dir=/data",
                "--seed=3",
            )
        )
        flat = json.loads(json.dumps(settings.flat()))
        self.assertEqual(TrainingSettings.from_flat(flat | {"version": "0"}), settings)
        self.assertEqual(set(flat), {*FIELDS, "seed"})
        self.assertEqual((flat["bn_momentum"], flat["price"]), (0.8, 0.1))

    def test_what_may_change_in_a_run_can_be_left_out(self):
        flat = TrainingSettings().flat(with_resumable=False)
        for name, (_, field) in FIELDS.items():
            self.assertEqual(name in flat, not field.metadata.get("resume"), name)

    def test_what_lacks_has_its_default(self):
        self.assertEqual(TrainingSettings.from_flat({}), TrainingSettings())

    def test_without_arguments_the_library_compiles_the_same(self):
        tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
        model = elastic_tf.DeepElasticNetwork(tasks, backbone="wrn-8-1")
        model.compile()
        settings = TrainingSettings()
        self.assertEqual(model.stages, settings.schedule)
        self.assertEqual(model.method, settings.method)
        self.assertEqual(model.optimizers, settings.optimizers)
