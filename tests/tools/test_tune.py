import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from elastic_tf_tools import flags, train, tune

import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import parameterized

from tests.tools.commands import run_command, run_failing
from tests.tools.stub_training import accuracy, in_place_of_train

# One number for each setting that the stub looks at.
SETTINGS = (
    "--tasks=digits",
    "--batch_size=4",
    "--initial_steps=50",
    "--rounds=1",
    "--selector_steps=40",
    "--budget=0.5",
    "--tune=num_levels,learning_rate",
)
# A search in a process of its own, whose trainings are stubs.
SEARCH = """
import sys
from elastic_tf_tools import flags, tune
from tests.tools.stub_training import in_place_of_train
with in_place_of_train():
    flags.run(tune, ["tune", *sys.argv[1:]])
"""
ROOT = pathlib.Path(__file__).parents[2]


class TuneTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "out[1]"

    def _arguments(self, *arguments):
        return (f"--output_dir={self.output_dir}", *SETTINGS, *arguments)

    def _run(self, *arguments):
        """Searches with stubs and returns what was printed."""
        with in_place_of_train():
            return run_command(tune, *self._arguments(*arguments))

    def _start(self, *arguments, **variables):
        return subprocess.Popen(
            [sys.executable, "-c", SEARCH, *self._arguments(*arguments)],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _trials(self):
        with open(self.output_dir / "trials.csv") as file:
            return list(csv.DictReader(file))

    def _steps(self):
        """Returns what was trained in each run, a dict from its name to a list of str."""
        return {
            folder.name: (folder / "steps.txt").read_text().split()
            for folder in sorted((self.output_dir / "runs").iterdir())
            if (folder / "steps.txt").exists()
        }

    def test_the_best_of_all_trials_is_found_and_written(self):
        printed = self._run("--max_trials=5", "--tune_num_levels=2,3,4,5", "--seed=7")
        rows = self._trials()
        self.assertLen(rows, 5)
        scores = [accuracy(int(r["num_levels"]), float(r["learning_rate"])) for r in rows]
        self.assertAllClose([float(row["score"]) for row in rows], scores, atol=1e-4)
        self.assertEqual(scores, sorted(scores, reverse=True))
        best = (self.output_dir / "best.flags").read_text().splitlines()
        for flag in ("--tasks=digits", "--target_macs=0.5", f"--seed={rows[0]['seed']}"):
            self.assertIn(flag, best)
        self.assertIn(f"--flagfile={self.output_dir}/best.flags", printed)
        self.assertIn((self.output_dir / "table.md").read_text(), printed)
        for name in ("front.csv", "front.png", "hparams"):
            self.assertTrue((self.output_dir / name).exists(), name)
        # Every trial has a seed of its own, and the first all settings as given.
        found = {row["trial"]: row for row in rows}
        self.assertEqual(
            {trial: row["seed"] for trial, row in found.items()},
            {"0": "7", "1": "8", "2": "9", "3": "10", "4": "11"},
        )
        varied = [flag for flag in found["0"]["flags"].split() if flag not in SETTINGS]
        self.assertEqual(varied, ["--target_macs=0.5", "--seed=7"])
        self.assertIn("trial 1 (2 of 5) starts: --", printed)
        self.assertRegex(printed, r"trial 4 \(5 of 5\) took 0.0 min: score .* of trial \d\n")

    def test_more_trials_add_to_a_search_wherever_the_data_lies_and_repeat_none(self):
        self._run("--max_trials=2", "--data_dir=/a")
        printed = self._run("--max_trials=4", "--data_dir=/b")
        self.assertEqual(printed.count(" starts"), 2)
        self.assertLen(self._trials(), 4)
        self.assertEqual(set(map(tuple, self._steps().values())), {("0-90",)})

    def test_failed_trials_are_marked_with_their_reasons_and_the_search_goes_on(self):
        printed = self._run(
            "--max_trials=6",
            "--tune=learning_rate,rounds",
            "--tune_learning_rate=0.1,0.9",
            "--tune_rounds=1,7",
        )
        rows = self._trials()
        # Four settings are all there are.
        self.assertLen(rows, 4)
        found = {(row["learning_rate"], row["rounds"]): row for row in rows}
        self.assertEqual(found["0.1", "1"]["status"], "completed")
        self.assertStartsWith(found["0.9", "1"]["reason"], "Training diverged at step 5")
        reason = "stopped by signal 9: by the system, where memory has run out"
        self.assertEqual(found["0.1", "7"]["reason"], reason)
        self.assertRegex(printed, "failed after .* min: Training diverged")

    def test_too_many_failures_in_a_row_end_the_search(self):
        with self.assertRaises(SystemExit) as raised:
            self._run("--max_trials=9", "--tune_learning_rate=0.8..0.9", "--max_failures=3")
        self.assertRegex(raised.exception.code, "no trial has come .*trials.csv has the reasons")
        self.assertLen(self._trials(), 3)

    def test_hyperband_goes_on_from_what_it_has_trained(self):
        self._run("--tuner=hyperband", "--hyperband_units=3", "--tune_learning_rate=0.01..0.5")
        rows = self._trials()
        self.assertLen(rows, 6)
        steps = self._steps()
        self.assertLen(steps, 5)
        # Of three that were trained for a third the best went on, from there to the end.
        thirds = {name for name in steps if steps[name][0] == "0-30"}
        parts = {row["run"]: float(row["score"]) for row in rows if row["step"] == "30"}
        self.assertEqual(set(parts), thirds)
        best = max(parts, key=parts.get)
        self.assertEqual(steps[best], ["0-30", "30-90"])
        self.assertEqual(sorted(map(tuple, steps.values())).count(("0-90",)), 2)
        promoted, part = [row for row in rows if row["run"] == best]
        self.assertEqual(promoted["seed"], part["seed"])
        self.assertEqual(promoted["flags"], part["flags"])

    def test_an_interrupted_search_goes_on(self):
        stopped = threading.Event()

        def interrupt():
            while not (self.output_dir / "runs" / "1" / "started").exists():
                if (self.output_dir / "outcomes" / "0.json").exists():
                    (self.output_dir / "wait").touch()
                time.sleep(0.002)
            # Python drops an interruption that comes while it is in a destructor: once more, then.
            while not stopped.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                stopped.wait(10)

        threading.Thread(target=interrupt, daemon=True).start()
        try:
            with self.assertRaises(SystemExit) as raised:
                self._run("--max_trials=3")
        finally:
            stopped.set()
        self.assertEqual(raised.exception.code, 143)
        self.assertFalse((self.output_dir / "runs" / "2").exists())
        (self.output_dir / "wait").unlink()
        self._run("--max_trials=3")
        self.assertEqual(self._steps(), {name: ["0-90"] for name in "012"})

    @pytest.mark.slow
    def test_a_search_that_was_killed_goes_on_and_waits_for_its_last_training(self):
        self.output_dir.mkdir()
        killed = self._start("--max_trials=3")
        while not (self.output_dir / "outcomes" / "0.json").exists():
            self.assertIsNone(killed.poll())
            time.sleep(0.002)
        (self.output_dir / "wait").touch()
        while not (self.output_dir / "runs" / "1" / "started").exists():
            time.sleep(0.002)
        killed.kill()
        killed.communicate()
        threading.Timer(1.0, (self.output_dir / "wait").unlink).start()
        self._run("--max_trials=3")
        steps = self._steps()
        self.assertEqual(steps.pop("1")[0], "0-90")
        self.assertEqual(steps, {"0": ["0-90"], "2": ["0-90"]})
        self.assertLen(self._trials(), 3)

    @pytest.mark.slow
    def test_a_chief_and_two_workers_search_together(self):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        variables = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
        names = ("worker0", "worker1", "chief")
        processes = [
            self._start("--max_trials=4", KERASTUNER_TUNER_ID=name, **variables) for name in names
        ]
        printed = []
        for name, process in zip(names, processes, strict=True):
            output, errors = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, f"{name}: {errors[-2000:]}")
            printed.append(output)
        self.assertLen(self._trials(), 4)
        self.assertEqual(self._steps(), {name: ["0-90"] for name in "0123"})
        starts = [output.count(" starts") for output in printed]
        self.assertEqual((sum(starts), starts[2]), (4, 0))
        self.assertIn("The best, trained again", printed[2])

    @pytest.mark.slow
    def test_the_best_trained_again_has_the_score_of_its_trial(self):
        run_command(
            tune,
            *self._arguments(
                "--backbone=wrn-8-1",
                "--trunk_size=4",
                "--validation_share=0.05",
                "--initial_steps=2",
                "--selector_steps=1",
                "--policy_health_every=0",
                "--search_evaluations=0",
                "--tune_num_levels=2",
                "--max_trials=1",
            ),
        )
        run_command(train, f"--flagfile={self.output_dir / 'best.flags'}", "--nofinal_test")
        of_trial = json.loads((self.output_dir / "runs" / "0" / "validation.json").read_text())
        self.assertEqual(of_trial["step"], 3)
        again = json.loads((self.output_dir / "best" / "validation.json").read_text())
        self.assertEqual(again, of_trial)

    def test_another_search_in_the_same_place_is_refused(self):
        self._run("--max_trials=1")
        before = (self.output_dir / "trials.csv").read_bytes()
        for flag in ("--tune_num_levels=2..3", "--budget=0.4", "--l2=0.1", "--tuner=bayesian"):
            line = run_failing(tune, *self._arguments("--max_trials=1", flag))
            self.assertRegex(line, "`output_dir` must be .* search differs in ")
        self.assertEqual((self.output_dir / "trials.csv").read_bytes(), before)

    @parameterized.parameters(
        (("--tune=num_levels,depth",), "`tune` must be of num_levels, .* Received: depth"),
        (("--tune_num_levels=5..2",), "`tune_num_levels` must be LOW..HIGH"),
        (("--tune_levels=2..3",), "`--tune_levels` is called `--tune_num_levels` now"),
        (("--macs_limit=0.4",), "`--macs_limit` is called `--budget` now"),
        (("--budget=0",), "`budget` must be a number in .0.0, 1.0."),
        (("--objective=hypervolume",), "`budget` must be left out"),
        (("--validation_share=0",), "`--validation_share` must be above 0"),
        (("--initial_points=3",), "`--initial_points` must be left out"),
        (("--until_step=3",), "Unknown command line flag 'until_step'"),
        (("--tasks=mine:npz=/absent.npz",), "/absent.npz"),
        (("--output_dir=",), "`output_dir` must be"),
        (("extra",), "Arguments must be flags"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, arguments, message):
        self.assertRegex(run_failing(tune, *self._arguments(*arguments)), f"^error: .*{message}")
        self.assertFalse(self.output_dir.exists())

    @parameterized.parameters(
        (("--target_macs=0.3",), "--target_macs=0.3"),
        (("--tune_target_macs=0.3",), "--target_macs=0.3"),
        (("--tune_price=2", "--target_macs=0.3"), "--target_macs=none"),
    )
    def test_networks_aim_at_the_budget_unless_something_says_otherwise(self, arguments, target):
        self._run("--max_trials=1", *arguments)
        best = (self.output_dir / "best.flags").read_text().splitlines()
        found = [flag for flag in best if flag.startswith("--target_macs")]
        self.assertEqual(found, [target])

    def test_the_objective_decides(self):
        self._run("--max_trials=1", "--budget=0.25", "--budget_tolerance=0")
        outcome = json.loads((self.output_dir / "outcomes" / "0.json").read_text())
        self.assertFalse(outcome["is_feasible"])
        self.assertAllClose(outcome["score"], 0.25 - 0.375)

    def test_the_search_that_we_ship_parses(self):
        values = absl_flags.FlagValues()
        tune.define_flags(values)
        flags.parse(values, ["tune", "--flagfile=level_search.flags"])
        search = tune.make_search(values)
        self.assertEqual(search.settings.method.target_macs, 0.4)
        self.assertContainsSubset(["num_levels", "ratios"], search.space.ranges)


class RoleTest(tf.test.TestCase, parameterized.TestCase):
    ADDRESS = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": "8000"}

    @parameterized.parameters((None, "alone"), ("chief", "chief"), ("worker3", "worker"))
    def test_the_variables_say_it(self, name, role):
        variables = self.ADDRESS | {"KERASTUNER_TUNER_ID": name} if name else {"HOME": "/"}
        self.assertEqual(tune.find_role(variables), role)

    @parameterized.parameters(
        ({}, "must be set together, .*KERASTUNER_TUNER_ID=None"),
        (
            {"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_PORT": "http"},
            "to a port, 1 to 65535.*PORT=http",
        ),
        ({"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_PORT": "65536"}, "PORT=65536"),
    )
    def test_half_of_them_are_refused(self, changes, message):
        with self.assertRaisesRegex(ValueError, message):
            tune.find_role(self.ADDRESS | changes)
