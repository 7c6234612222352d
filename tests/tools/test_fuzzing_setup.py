"""Whatever values the flags of a command have: it is set up to its work, or one line says why not.

The flags are drawn from what each may be, some from what none may be, so that combinations are
checked too, against a folder with a run, an export and images in it.
"""

import atexit
import contextlib
import functools
import importlib
import io
import os
import pathlib
import shutil
import tempfile
from unittest import mock

from elastic_tf_tools import export, flags
from elastic_tf_tools.__main__ import COMMANDS

import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from hypothesis import strategies
from PIL import Image

from tests.tools import finished_run, trained_run
from tests.tools.commands import run_command
from tests.tools.test_fuzzing import CASES, TEXTS, command_flags

# What a command does once it is set up, by the names of the functions: it is stopped there.
WORK = {
    "train": ["_train"],
    "evaluate": [
        "evaluate_network",
        "budget_curve",
        "choice_bounds",
        "JointBudgets",
        "search_fixed_models",
        "calibrate_network",
        "calibrate_second_looks",
        "refresh_averages",
    ],
    "analyze": ["analyse"],
    "study": ["_train_runs", "_report"],
    "tune": ["_run"],
    "export": ["export_network"],
    "predict": ["_batches"],
    "benchmark": ["_benchmark", "_compare_exports"],
    "prepare_data": ["pipelines.prepare_official", "pipelines.prepare_photographs"],
    "mix_data": ["np.savez"],
}
# Command lines that lead there, one of which is drawn.
LINES = {
    "train": [
        "--output_dir=new",
        "--output_dir=new --tasks=digits,mine:npz=images.npz --validation_share=0.5",
        "--output_dir=new --tasks=mine:folder=photos,image_size=8 --selector=trunk",
        "--output_dir=new --init_from=trained",
        "--output_dir=new --preset=paper",
        "--output_dir=trained " + " ".join(trained_run.FLAGS),
    ],
    "evaluate": [
        "--model_dir=run",
        "--model_dir=trained --budgets=0.5",
        "--model_dir=trained --joint_budgets=0.5",
        "--model_dir=run --bounds",
        "--model_dir=run --search=2",
        "--model_dir=run --calibrate",
        "--model_dir=run --refresh_averages --output_dir=new",
    ],
    "analyze": ["--model_dir=run --output_dir=new", "--model_dir=trained --output_dir=new"],
    "study": ["--study=levels.toml --output_dir=new", "--study=precision.toml --output_dir=new"],
    "tune": [
        "--budget=0.5 --output_dir=new",
        "--objective=hypervolume --tuner=hyperband --output_dir=new",
        "--objective=accuracy_minus_macs --tuner=bayesian --output_dir=new",
    ],
    "export": [
        "--model_dir=run --output_dir=new",
        "--model_dir=trained --task=digits --format=litert --budget=0.5 --output_dir=new",
        "--model_dir=trained --task=digits --format=onnx --levels=2-1-0 --output_dir=new",
        "--model_dir=run --task=digits --format=keras --level=1 --output_dir=new",
    ],
    "predict": [
        "--model=exported --task=digits photos",
        "--model=exported --task=digits images.npz no/file",
    ],
    "benchmark": [
        "",
        "--model_dir=run --task=digits",
        "--model_dir=trained --task=digits --exports=new",
    ],
    "prepare_data": ["--tfds=resisc45 --manual_dir=photos", "--task=cifar10 --manual_dir=photos"],
    "mix_data": ["--output=new.npz", "--output=new.npz --tasks=mine:npz=images.npz"],
}
NAMES = strategies.sampled_from(
    "new new.npz run trained exported photos images.npz none digits fashion_mnist_small"
    " mine:npz=images.npz mine:folder=photos,image_size=8 digits,fashion_mnist_small 2-1-0 0-0-0"
    " most_used test validation levels.toml precision.toml run/model.keras cifar10 resisc45"
    " 0.1..0.2 2,3 1x..2x 3 0.5,1 learning_rate price num_levels,ratios imagenet cpu".split()
)
# Not of a command's own.
FOREIGN = "flagfile", "undefok", "verbosity"


class Began(BaseException):
    """Raised in the place of a command's work."""


@functools.cache
def place():
    """Returns the path of a folder with what commands work on, made once in a process."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    finished_run.copy_run(folder / "run")
    trained_run.copy_run(folder / "trained")
    run_command(export, f"--model_dir={folder / 'run'}", f"--output_dir={folder / 'exported'}")
    pixels = np.arange(8 * 8 * 8, dtype=np.uint8).reshape(8, 8, 8)
    np.savez(folder / "images.npz", x_train=pixels, y_train=np.arange(8) % 2)
    for number, of in enumerate(pixels):
        path = folder / "photos" / "train" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(of).save(path)
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fitting(flag):
    """Returns a strategy for texts that a flag may have, as far as is known of it alone."""
    known = getattr(getattr(flag.parser, "field", None), "metadata", None)
    if known is None:
        return TEXTS
    low, high = known.get("low", known.get("above", -2)), known.get("high", known.get("below"))
    if "choices" in known:
        one = strategies.sampled_from(known["choices"]).map(str)
    elif known["kind"] is bool:
        one = strategies.sampled_from(["true", "false"])
    elif known["kind"] is int:
        one = strategies.integers(low, low + 4 if high is None else high).map(str)
    elif known["kind"] is float:
        one = strategies.floats(low, low + 2 if high is None else high).map(str)
    else:
        one = NAMES
    if known.get("per_task"):
        one = strategies.one_of(one, one.map("digits={}".format))
    if known.get("is_list"):
        one = strategies.lists(one, max_size=3).map(",".join)
    return strategies.one_of(one, strategies.just("none")) if known.get("optional") else one


def stays_here(text):
    """Returns whether a text, taken for a path, leads into the folder at hand."""
    return not (text.startswith("/") or "=/" in text or ".." in text.replace("..1", ""))


@strategies.composite
def command_lines(draw, command):
    values = command_flags(command)
    # Of flags of earlier versions --help does not speak, and neither do their own help texts.
    names = sorted(name for name in values if values[name].help and name not in FOREIGN)
    line = draw(strategies.sampled_from(LINES[command])).split()
    for name in draw(strategies.lists(strategies.sampled_from(names), max_size=3, unique=True)):
        texts = fitting(values[name])
        texts = draw(strategies.sampled_from([texts] * 6 + [TEXTS])).filter(stays_here)
        line.append(f"--{name}={draw(texts)}")
    return line


@pytest.mark.slow
class SetUpFuzzingTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        self.addCleanup(keras.backend.clear_session)
        os.chdir(place())
        self.enter_context(mock.patch.dict(os.environ, {"HOME": str(place())}))
        self.before = contents(place())
        self.names = [path.name for path in place().iterdir()]

    @parameterized.parameters(*COMMANDS)
    @hypothesis.settings(max_examples=20, **CASES)
    @hypothesis.given(data=strategies.data())
    def test_a_command_is_set_up_or_refuses_in_a_line(self, command, data):
        line = data.draw(command_lines(command))
        outcome, written = self._set_up(command, line)
        if outcome == 2:
            self.assertRegex(written, r"\A(warning: [^\n]+\n)*error: [^\n]+\n\Z")
        elif outcome not in (None, "began"):
            self.assertRegex(outcome, r"\Aerror: [^\n]+\Z")
        after = contents(place())
        for path, content in self.before.items():
            self.assertTrue(after.get(path) == content, f"{path} was changed by {line}")

    @parameterized.parameters(*COMMANDS)
    def test_what_is_drawn_from_leads_to_the_work(self, command):
        for line in LINES[command]:
            outcome, written = self._set_up(command, line.split())
            # A run that has ended is shown again.
            is_finished = command == "train" and "--output_dir=trained" in line
            self.assertEqual(outcome, None if is_finished else "began", f"{line}: {written}")

    def _set_up(self, command, line):
        """Runs a command to where its work begins; returns how it ended, and its errors' text."""
        module, written = importlib.import_module(f"elastic_tf_tools.{command}"), io.StringIO()
        with contextlib.ExitStack() as patched:
            for name in WORK[command]:
                path = f"elastic_tf_tools.{command}.{name}"
                patched.enter_context(mock.patch(path, side_effect=Began))
            patched.enter_context(contextlib.redirect_stdout(io.StringIO()))
            patched.enter_context(contextlib.redirect_stderr(written))
            patched.callback(self._tidy)
            try:
                flags.run(module, [command, *line])
            except Began:
                return "began", written.getvalue()
            except SystemExit as stopped:
                return stopped.code, written.getvalue()
        return None, written.getvalue()

    def _tidy(self):
        for path in place().iterdir():
            if path.name not in self.names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    tf.test.main()
