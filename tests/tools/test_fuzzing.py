"""Whatever a command line, a setting or a file holds: it is taken, or one line says why not."""

import contextlib
import functools
import importlib
import io
import json
import pathlib
import tempfile

from elastic_tf_tools import flags
from elastic_tf_tools.__main__ import COMMANDS
from elastic_tf_tools.run_folder import RunFolder
from elastic_tf_tools.training_settings import TrainingSettings, setting_fields

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as hypothesis_numpy
from PIL import Image

import elastic_tf
from elastic_tf.files import read_json
from elastic_tf.models.tasks import check_levels
from elastic_tf.training.checkpoints import load_network
from pipelines import DataNotFoundError, OwnTask
from pipelines.sources.image_files import decoded_or_fault
from tests.pipelines.own_images import photograph
from tests.testing import TASKS

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
ENCODINGS = strategies.sampled_from(["utf-8", "utf-16", "utf-8-sig"])
LINES = strategies.sampled_from(
    ["--seed=1", "--flagfile=none.flags", "# note", "--tasks=digits", "--nodownload", "seed=2"]
)
LEVELS = strategies.lists(strategies.lists(PLAIN, min_size=3, max_size=3), max_size=2)
ARRAYS = hypothesis_numpy.arrays(
    strategies.one_of(
        hypothesis_numpy.integer_dtypes(),
        hypothesis_numpy.unsigned_integer_dtypes(),
        hypothesis_numpy.floating_dtypes(),
        hypothesis_numpy.unicode_string_dtypes(),
    ),
    hypothesis_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@strategies.composite
def damaged(draw, content):
    """Draws bytes: as they are, cut off, or with others in their midst, in place of some or not."""
    if draw(strategies.booleans()):
        return content[: draw(strategies.integers(0, len(content)))]
    place = draw(strategies.integers(0, len(content)))
    other = draw(strategies.binary(max_size=8))
    return content[:place] + other + content[place + draw(strategies.integers(0, 8)) :]


@functools.cache
def saved_network():
    """Returns the bytes of a small network's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "some.keras")
        elastic_tf.DeepElasticNetwork(TASKS, backbone="wrn-8-1").save(path)
        return path.read_bytes()


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
    return flags.command_flags(importlib.import_module(f"elastic_tf_tools.{command}"))


@pytest.mark.slow
class FuzzingTest(tf.test.TestCase, parameterized.TestCase):
    def _check_is_read_or_refused(self, read):
        """Nothing is said on standard error, or one line."""
        written = io.StringIO()
        with contextlib.suppress(SystemExit), contextlib.redirect_stderr(written):
            with flags.one_line_errors():
                read()
        self.assertRegex(written.getvalue(), r"\A(error: [^\n]+\n)?\Z")

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

        def read():
            flags.parse(values, [command, *arguments])
            if command == "train":
                flags.read_training_settings(values)

        self._check_is_read_or_refused(read)

    @hypothesis.settings(max_examples=2500, **CASES)
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

    @hypothesis.settings(max_examples=700, **CASES)
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

    @hypothesis.settings(max_examples=500, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_a_flagfile_of_any_lines_is_read_or_refused(self, data):
        lines = data.draw(strategies.lists(strategies.one_of(TEXTS, LINES), max_size=4))
        path = pathlib.Path(self.get_temp_dir(), "some.flags")
        content = "\n".join(lines).encode(data.draw(ENCODINGS), errors="surrogateescape")
        path.write_bytes(data.draw(damaged(content)))
        line = ["train", f"--flagfile={path}"]
        self._check_is_read_or_refused(lambda: flags.parse(command_flags("train"), line))

    @parameterized.parameters("png", "jpeg", "gif", "bmp", "tiff", "webp")
    @hypothesis.settings(max_examples=200, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_an_image_of_any_bytes_is_decoded_or_its_fault_is_told(self, kind, data):
        content = io.BytesIO()
        Image.fromarray(photograph(20, 30, blue=7)).save(content, kind)
        file = io.BytesIO(data.draw(damaged(content.getvalue())))
        image, fault = decoded_or_fault(file, (8, 6), 3, "crop")
        if image is None:
            self.assertRegex(fault, r"\A[^\n]+\Z")
        else:
            self.assertEqual((image.shape, image.dtype), ((8, 6, 3), np.uint8))

    @hypothesis.settings(max_examples=500, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_an_npz_file_of_any_arrays_and_bytes_is_read_or_refused(self, data):
        path = pathlib.Path(self.get_temp_dir(), "some.npz")
        images = np.arange(8 * 4 * 5, dtype=np.uint8).reshape(8, 4, 5)
        arrays = {"x_train": images, "y_train": np.arange(8) % 2}
        if data.draw(strategies.booleans()):
            names = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val")
            arrays[data.draw(strategies.sampled_from(names))] = data.draw(ARRAYS)
        content = io.BytesIO()
        np.savez(content, **arrays)
        path.write_bytes(data.draw(damaged(content.getvalue())))
        try:
            dataset = OwnTask("mine", npz=str(path)).to_spec().load("train")
            image, _ = next(iter(dataset))
            self.assertEqual(image.dtype, tf.uint8)
        except (ValueError, DataNotFoundError) as error:
            self.assertNotEmpty(str(error))

    @hypothesis.settings(max_examples=30, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_a_network_of_any_bytes_is_loaded_or_refused_by_file(self, data):
        path = pathlib.Path(self.get_temp_dir(), "checkpoint.keras")
        path.write_bytes(data.draw(damaged(saved_network())))
        try:
            load_network(path)
        except ValueError as error:
            self.assertRegex(str(error), rf"\A{path} must be [^\n]+\Z")

    @hypothesis.settings(max_examples=500, **CASES)
    @hypothesis.given(levels=strategies.one_of(VALUES, ARRAYS, LEVELS))
    def test_levels_of_any_kind_are_those_of_a_model_or_refused(self, levels):
        try:
            found = check_levels(levels, num_blocks=3, num_levels=4)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            self.assertIn("`levels` must", str(error))
        else:
            self.assertAllInRange(found, 0, 3)
            self.assertEqual(found.shape[-1], 3)
            self.assertAllEqual(found, levels)

    @parameterized.parameters("results", "validation")
    @hypothesis.settings(max_examples=500, **CASES)
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
