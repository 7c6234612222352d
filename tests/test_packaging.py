"""What is installed, what an import needs, and that foreign packages of our names do no harm."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib
from unittest import mock

from elastic_tf_tools import EXTRA_OF, stderr_held_back
from elastic_tf_tools.__main__ import COMMANDS, main

import pytest
import tensorflow as tf
from absl.testing import parameterized

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
FOLDER_OF = {"elastic_tf_tools": "tools"}

IMPORT_ALL = f"""
import importlib, pathlib
import elastic_tf_tools
for command in {COMMANDS}:
    importlib.import_module("elastic_tf_tools." + command)
import elastic_tf, pipelines
for package in (elastic_tf, pipelines, elastic_tf_tools):
    print(pathlib.Path(package.__file__).parent)
"""
OF_DATA = {name for name, extra in EXTRA_OF.items() if extra == "data"}
# A finder that knows none of the packages of the extras.
WITHOUT_EXTRAS = f"""
import sys
class Absent:
    names = {set(EXTRA_OF) - {"absl", "tensorboard"}}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)
sys.meta_path.insert(0, Absent())
import elastic_tf
print(elastic_tf.__version__, flush=True)
Absent.names -= {OF_DATA}  # Every command needs them.
sys.argv = ["elastic-tf", "tune", "--help"]
from elastic_tf_tools.__main__ import main
main()
"""


def run_python(*arguments, path=(), **environment):
    """Runs Python elsewhere, with folders first on PYTHONPATH; returns the finished process."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))} | environment,
    )


class ProjectTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_package_is_installed_and_none_of_the_name_tools(self):
        names = PROJECT["tool"]["setuptools"]["packages"]
        self.assertEqual(
            PROJECT["tool"]["setuptools"]["package-dir"], {"elastic_tf_tools": "tools"}
        )
        found = {
            ".".join(file.parent.relative_to(ROOT).parts)
            for top in ("elastic_tf", "pipelines", "tools")
            for file in (ROOT / top).rglob("__init__.py")
        }
        self.assertEqual(set(names), found - {"tools"} | {"elastic_tf_tools"})

    def test_every_other_file_is_installed(self):
        patterns = SETUPTOOLS["package-data"]
        installed = {
            file
            for name, globs in patterns.items()
            for pattern in globs
            for file in (ROOT / FOLDER_OF.get(name, name.replace(".", "/"))).glob(pattern)
        }
        found = {
            file
            for top in ("elastic_tf", "pipelines", "tools")
            for file in (ROOT / top).rglob("*")
            if file.is_file() and file.suffix not in (".py", ".pyc")
        }
        self.assertNotEmpty(found)
        self.assertContainsSubset(found, installed)

    def test_every_pin_serves_and_every_package_is_pinned(self):
        extras = PROJECT["project"]["optional-dependencies"]
        wanted = [*PROJECT["project"]["dependencies"], *sum(extras.values(), [])]
        wanted = {text.split(">=")[0] for text in wanted if not text.startswith("elastic-tf")}
        lines = (ROOT / "requirements.txt").read_text().splitlines()
        pinned = {line.split("==")[0] for line in lines if "==" in line}
        self.assertEqual(pinned, wanted)
        self.assertEqual(set(EXTRA_OF.values()), set(extras) - {"all", "test"})


@pytest.mark.slow
class ProcessTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for name in ("tools/__init__", "tools/evaluate", "pipelines/__init__"):
            path = cls.folder / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text("raise RuntimeError('of somebody else')")

    def test_packages_come_from_beside_the_commands(self):
        done = run_python("-c", IMPORT_ALL, path=[self.folder])
        self.assertEqual(done.stderr, "")
        expected = [str(ROOT / name) for name in ("elastic_tf", "pipelines", "tools")]
        self.assertEqual(done.stdout.split(), expected)

    def test_a_command_runs_and_tensorflow_is_quiet(self):
        done = run_python(ROOT / "tools" / "train.py", "--help", path=[self.folder])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--output_dir: ", done.stdout)

    @parameterized.parameters(
        ({"KERAS_BACKEND": "jax"}, "KERAS_BACKEND must be 'tensorflow'.*: KERAS_BACKEND=jax"),
        ({}, "`image_data_format` of Keras must be 'channels_last'.*=channels_first"),
    )
    def test_a_keras_of_another_kind_is_one_line(self, environment, message):
        (self.folder / "keras.json").write_text('{"image_data_format": "channels_first"}')
        environment = {"KERAS_HOME": str(self.folder)} | environment
        done = run_python(ROOT / "tools" / "train.py", "--help", **environment)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, f"^error: {message}\n$")

    def test_the_library_needs_no_extras_and_a_command_names_its_own(self):
        done = run_python("-c", WITHOUT_EXTRAS)
        self.assertNotEmpty(done.stdout)
        (last,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
        self.assertEqual(
            last, "error: keras_tuner must be installed: pip install 'elastic-tf[tune]'"
        )
        self.assertNotIn("Traceback", done.stderr)


class ConsoleCommandTest(tf.test.TestCase, parameterized.TestCase):
    def _main(self, *arguments):
        out, errors = io.StringIO(), io.StringIO()
        with (
            mock.patch.object(sys, "argv", ["elastic-tf", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            try:
                main()
            except SystemExit as stopped:
                self.assertEqual(stopped.code, 2)
        return out.getvalue(), errors.getvalue()

    @parameterized.parameters(([],), (["--help"],))
    def test_it_says_what_there_is(self, arguments):
        printed, _ = self._main(*arguments)
        for command in COMMANDS:
            self.assertIn(command, printed)

    def test_it_runs_a_command(self):
        self.assertStartsWith(self._main("evaluate", "--help")[0], "Tests a trained network again")
        self.assertRegex(self._main("evaluate")[1], "^error: .*model_dir")

    def test_an_unknown_command_is_one_line(self):
        _, errors = self._main("recalibrate")
        self.assertRegex(errors, "^error: the command must be one of .*: recalibrate\n$")


class StderrHeldBackTest(tf.test.TestCase):
    def _shown(self, fault):
        kept = os.dup(2)
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                with stderr_held_back():
                    os.write(2, b"a line")
                    if fault:
                        raise fault
            except KeyError:
                pass
            finally:
                os.dup2(kept, 2)
                os.close(kept)
            file.seek(0)
            return file.read()

    def test_lines_are_shown_only_if_it_fails(self):
        self.assertEqual(self._shown(None), b"")
        self.assertEqual(self._shown(KeyError()), b"a line")
