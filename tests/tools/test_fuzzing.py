"""Whatever a command line, a setting or a file of figures holds: one line says what is wrong."""

import contextlib
import importlib
import io
import json
import pathlib

from elastic_tf_tools import flags
from elastic_tf_tools.__main__ import COMMANDS
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.training_settings import TrainingSettings, setting_fields

import hypothesis
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import parameterized
from hypothesis import strategies

import elastic_tf
from elastic_tf.files import read_json

# The same cases at every run, so that a failure is found again.
CASES = {"database": None, "deadline": None, "derandomize": True}
TEXTS = strategies.one_of(
    strategies.text(max_size=20),
    strategies.integers().map(str),
    strategies.floats().map(str),
    strategies.sampled_from(
        "a=1 a=1,b=2 =1 a= , ,, 1,0 0,1 1,2,3 true none nan inf -inf 1e400 0x1 1_0 digits=8 [1] {}"
        " ~ / . .. 'a' \" % $ \\ --x - -- all auto 0..1 1e-3..1e-1 wrn-8-1 wrn-0-0 lite0 a:npz=b"
        " digits,digits :folder= s3://a/b 1=1 -1 --seed=1".split()
    ),
)
PLAIN = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(max_size=8),
)
VALUES = strategies.recursive(
    PLAIN,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.lists(inner, max_size=3).map(tuple),
        strategies.dictionaries(strategies.text(max_size=8), inner, max_size=3),
    ),
    max_leaves=4,
)


def run_description():
    return json.loads(json.dumps({"version": elastic_tf.__version__} | TrainingSettings().flat()))


def figures_of(name):
    """Returns what a file of a run's figures holds."""
    if name == "results":
        docs = pathlib.Path(__file__).parents[2] / "docs"
        return read_json(docs / "results" / "quickstart" / "seed_0.json")
    choice = {"selector": {"accuracy": 0.5, "macs_share": 0.5}}
    return {"is_whole_training": True, "step": 3, "tasks": {"digits": choice}}


def command_flags(command):
    """Returns fresh `FlagValues` of a command."""
    values = absl_flags.FlagValues()
    importlib.import_module(f"elastic_tf_tools.{command}").define_flags(values)
    return values


class FuzzingTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*COMMANDS)
    @hypothesis.settings(max_examples=400, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_a_command_line_is_read_or_refused_in_a_line(self, command, data):
        values = command_flags(command)
        names = sorted(set(values) - {"flagfile", "undefok"})
        chosen = data.draw(strategies.lists(strategies.sampled_from(names), min_size=1, max_size=3))
        arguments = [f"--{name}={data.draw(TEXTS)}" for name in chosen]
        required = ("--output_dir=a", "--output=a", "--model_dir=a", "--study=a")
        arguments += [each for each in required if each[2:].partition("=")[0] in names]
        written = io.StringIO()
        with contextlib.suppress(SystemExit), contextlib.redirect_stderr(written):
            with flags.one_line_errors():
                flags.parse(values, [command, *arguments])
                if command == "train":
                    flags.read_training_settings(values)
        self.assertRegex(written.getvalue(), r"\A(error: [^\n]+\n)?\Z")

    @hypothesis.settings(max_examples=4000, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_settings_of_any_value_are_taken_or_refused(self, data):
        sections = TrainingSettings.__dataclass_fields__
        section, field = data.draw(
            strategies.sampled_from(setting_fields(*(name for name in sections if name != "seed")))
        )
        kind = type(getattr(TrainingSettings(), section))
        try:
            kind(**{field.name: data.draw(VALUES)})
        except ValueError as error:
            self.assertIn(field.name, str(error))

    @hypothesis.settings(max_examples=1000, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_a_run_json_of_any_values_is_read_or_refused(self, data):
        run = RunFolder(self.get_temp_dir())
        description = run_description()
        self._damage(description, data)
        run.file.write_text(json.dumps(description))
        try:
            run.read_settings()
        except ValueError as error:
            self.assertNotEmpty(str(error))

    @parameterized.parameters("results", "validation")
    @hypothesis.settings(max_examples=1000, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_figures_of_any_values_are_read_or_refused_by_file(self, figures, data):
        run = RunFolder(self.get_temp_dir())
        path = getattr(run, figures)
        found = figures_of(figures)
        self._damage(found, data)
        path.write_text(json.dumps(found))  # Faster than what is flushed to the disk.
        try:
            getattr(run, f"read_{figures}")()
        except ValueError as error:
            self.assertIn(str(path), str(error))

    def _damage(self, found, data):
        """Puts something else in the place of a value somewhere in plain values, or removes it."""
        place = found
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(strategies.sampled_from(keys))
            inner = place[key]
            if not isinstance(inner, (dict, list)) or not inner or data.draw(strategies.booleans()):
                break
            place = inner
        if data.draw(strategies.booleans()):
            del place[key]
        else:
            place[key] = data.draw(VALUES)


if __name__ == "__main__":
    tf.test.main()
