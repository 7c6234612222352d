"""Tests that chaos tells what is not as promised, with stand-ins for the commands that it runs."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

from elastic_tf_tools import chaos, disturbances, disturbed_writing, odd_flags, prepare_data
from elastic_tf_tools.disturbed_writing import disturb_writing, writings
from elastic_tf_tools.run_folder import RunFolder

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.files import read_json, write_json
from tests.tools.commands import run_command


def _other_photographs(folder):
    """Copies the photographs of a `Writing`, but for some; returns the folder."""
    shutil.copytree(folder / "manual", folder / "others")
    for path in (folder / "others").glob("*/bridge/*"):
        path.unlink()
    return folder / "others"


class ChaosTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.generator = np.random.default_rng(0)
        self.enter_context(mock.patch.object(disturbed_writing, "_OF_A_CLASS", 5))

    def _stand_in(self, module=disturbances, **functions):
        for name, function in functions.items():
            self.enter_context(mock.patch.object(module, name, side_effect=function))

    @parameterized.parameters(True, False)
    def test_trainings_that_end_otherwise_are_told(self, is_same):
        disturbed, ended = [], []

        def run(command, output, *_):
            folder = pathlib.Path(output.partition("=")[2])
            folder.mkdir(exist_ok=True)
            write_json(folder / "results.json", {})
            ended.append(folder.name)
            return 10.0

        def interrupt(arguments, number, seconds):
            self.assertBetween(seconds, 2, 8)
            run_folder = RunFolder(arguments[1].partition("=")[2])
            run_folder.path.mkdir(exist_ok=True)
            for path in (run_folder.checkpoint, run_folder.path / "checkpoint.previous.keras"):
                path.write_bytes(bytes(1000))
            disturbed.append(number)
            return -9

        self._stand_in(run=run, interrupt=interrupt)
        self._stand_in(chaos, _are_same=lambda *runs: is_same)
        found = chaos._disturb_training(self.folder, self.generator, 4)
        self.assertLen(disturbed, 4)
        self.assertEqual(ended, ["in_peace", "disturbed_1"])
        self.assertEqual([each["times"] for each in found], [1, 1, 1, 1])
        expected = "as promised: identical" if is_same else "ended differently"
        self.assertEqual({each["outcome"] for each in found}, {expected})
        self.assertEqual({each["is_kept"] for each in found}, {is_same})
        damaged = (self.folder / "disturbed_1" / "checkpoint.keras").read_bytes()
        self.assertFalse(damaged == bytes(1000))

    def test_what_is_half_there_is_told(self):
        def write(path, rows):
            np.savez(path, x_train=np.arange(rows))

        def run(command, *arguments):
            write(arguments[-1].partition("=")[2], 9)
            return 1.0

        cut = iter((9, 4))

        def interrupt(arguments, number, seconds):
            write(arguments[-1].partition("=")[2], next(cut))
            return -9

        self._stand_in(run=run, interrupt=interrupt)
        (writing,) = (each for each in writings(self.folder) if each.command == "mix_data")
        found = disturb_writing(writing, self.generator, 2)
        self.assertEqual((found["times"], found["outcome"]), (2, "1 times half there"))

    @parameterized.parameters(
        ("as it is", "as promised: whole or not there"),
        ("unnamed", "as promised: whole or not there"),
        ("cut off", "1 times half there"),
        ("of other images", "1 times half there"),
    )
    def test_a_data_set_that_is_half_prepared_is_told(self, left, outcome):
        (writing,) = (each for each in writings(self.folder) if each.command == "prepare_data")
        reference = self.folder / "prepared_in_peace"
        statuses = iter((0, 0, -9) if left == "as it is" else (-9,))  # 0: it had ended before.

        def run(command, *arguments):
            if reference.exists():
                shutil.copytree(reference, writing.place, dirs_exist_ok=True)
            else:
                run_command(prepare_data, *arguments)
            return 1.0

        def interrupt(arguments, number, seconds):
            (version,) = (reference / "resisc45").iterdir()
            name = f"incomplete.1_{version.name}" if left == "unnamed" else version.name
            there = writing.place / "resisc45" / name
            shutil.copytree(version, there)
            (records,) = there.glob("*array_record*")
            if left == "cut off":
                records.write_bytes(records.read_bytes()[:-100])
            if left == "of other images":
                manual = f"--manual_dir={_other_photographs(self.folder)}"
                shutil.rmtree(writing.place)
                run_command(prepare_data, writing.options[0], manual, arguments[-1])
            return next(statuses)

        self._stand_in(run=run, interrupt=interrupt)
        found = disturb_writing(writing, self.generator, 1)
        self.assertEqual((found["times"], found["outcome"]), (1, outcome))

    @parameterized.parameters(
        ("", "as promised: done or refused"),
        ("sys.exit(143)", "3 not refused in a line"),
        (
            "sys.stderr.write('error: x'); sys.stderr.flush(); time.sleep(99)",
            "as promised: done or refused",
        ),
        (
            "sys.stderr.write('Traceback'); sys.stderr.flush(); time.sleep(99)",
            "3 not refused in a line",
        ),
        ("sys.stderr.write('error: x'); sys.exit(2)", "as promised: done or refused"),
        ("1 / 0", "3 not refused in a line"),
        ("sys.stderr.write(3 * 'Traceback'); sys.exit(1)", "3 not refused in a line"),
        ("open('../in_peace/model', 'w')", "the first training was changed"),
    )
    def test_what_odd_flags_lead_to_is_told(self, work, outcome):
        (self.folder / "in_peace").mkdir()
        (self.folder / "in_peace" / "model").write_text("trained")
        program = [sys.executable, "-c", f"import sys, time; {work}"]
        self.enter_context(mock.patch.object(odd_flags, "_PATIENCE", 3))
        popen = subprocess.Popen
        self._stand_in(start=lambda line, **options: popen(program, **options))
        found = odd_flags.run_odd(self.folder, self.generator, 3)
        self.assertEqual(found["outcome"], outcome)

    @parameterized.parameters(("", 0), ("ended differently", 1))
    def test_the_exit_status_says_whether_all_is_as_promised(self, fault, status):
        others = ("_disturb_search", "disturb_writing", "run_odd")
        self._stand_in(
            chaos,
            _disturb_training=lambda *_: [
                disturbances.told("train", "SIGKILL", 1, "identical", fault)
            ],
            **{name: lambda *_: disturbances.told("all", "SIGKILL", 1, "done") for name in others},
        )
        output = self.folder / f"out_{status}"
        try:
            printed = run_command(chaos, f"--output_dir={output}")
        except SystemExit as stopped:
            self.assertEqual((status, stopped.code), (1, "error: not all is as promised"))
        else:
            self.assertEqual(status, 0)
            self.assertIn("| train | SIGKILL | 1 | as promised: identical |", printed)
        self.assertLen(read_json(output / "chaos.json")["found"], 6)


if __name__ == "__main__":
    tf.test.main()
