import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools.run_directory import read_json
from elastic_tf_tools.studying.conduct import TRAIN

from tests.tools.tuning.command import process_arguments, run_tune
from tests.tools.tuning.stub_training import accuracy

ROOT = pathlib.Path(__file__).parents[2]


def setUpModule():
    flags.FLAGS(["tune", "--output_dir=unused"])


def _read(path):
    with open(path) as file:
        return list(csv.DictReader(file))


class TuneTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output_dir = self.folder / "out"

    def _run(self, *arguments):
        return run_tune(self.output_dir, *arguments)

    def _trials(self):
        return _read(self.output_dir / "trials.csv")

    def _steps(self):
        """Returns what was trained in each run, a dict from its name to a list of str."""
        return {
            path.parent.name: path.read_text().split()
            for path in sorted(self.output_dir.glob("runs/*/steps.txt"))
        }

    def test_the_best_of_all_trials_is_found_and_written(self):
        status, printed, errors = self._run("--max_trials=5", "--tune_levels=2,3,4,5")
        self.assertEqual(status, 0, errors)
        rows = self._trials()
        self.assertLen(rows, 5)
        scores = [accuracy(int(r["levels"]), float(r["learning_rate"]), 90) for r in rows]
        self.assertAllClose([float(row["score"]) for row in rows], scores, atol=1e-4)
        self.assertEqual(scores, sorted(scores, reverse=True))
        best = (self.output_dir / "best.flags").read_text()
        self.assertIn(f"--seed={rows[0]['seed']}\n", best)
        self.assertIn(f"--num_levels={rows[0]['levels']}\n", best)
        self.assertIn("--target_macs=0.5\n", best)
        self.assertIn(f"--flagfile={self.output_dir}/best.flags", printed)
        self.assertIn((self.output_dir / "table.md").read_text(), printed)
        for name in ("front.csv", "front.png", "hparams"):
            self.assertTrue((self.output_dir / name).exists(), name)

    def test_the_first_trial_has_the_settings_as_given(self):
        self._run("--max_trials=1", "--learning_rate=0.0625", "--num_levels=3")
        (row,) = self._trials()
        self.assertEqual(
            row["flags"].split()[-3:], ["--learning_rate=0.0625", "--num_levels=3", "--seed=0"]
        )

    def test_every_trial_has_a_seed_of_its_own_that_is_recorded(self):
        self._run("--max_trials=3", "--seed=7")
        seeds = {row["trial"]: row["seed"] for row in self._trials()}
        self.assertEqual(seeds, {"0": "7", "1": "8", "2": "9"})
        for row in self._trials():
            self.assertIn(f"--seed={row['seed']}", row["flags"].split())

    def test_more_trials_add_to_a_search_and_repeat_none(self):
        self._run("--max_trials=2")
        status, printed, _ = self._run("--max_trials=11")
        self.assertEqual(status, 0)
        self.assertLen(self._trials(), 11)
        self.assertEqual(set(map(tuple, self._steps().values())), {("0-90",)})
        status, printed, _ = self._run("--max_trials=11")
        self.assertEqual(status, 0)
        self.assertNotIn("starts", printed)

    def test_data_may_lie_elsewhere_when_a_search_goes_on(self):
        self._run("--max_trials=1", "--data_dir=/a")
        status, _, errors = self._run("--max_trials=2", "--data_dir=/b")
        self.assertEqual(status, 0, errors)
        self.assertLen(self._trials(), 2)

    def test_failed_trials_are_marked_with_their_reasons_and_the_search_goes_on(self):
        status, printed, errors = self._run(
            "--max_trials=6",
            "--tune=learning_rate,rounds",
            "--tune_learning_rate=0.1,0.9",
            "--tune_rounds=1,7",
        )
        self.assertEqual(status, 0)
        rows = self._trials()
        # Four settings are all there are.
        self.assertLen(rows, 4)
        found = {(row["learning_rate"], row["rounds"]): row for row in rows}
        self.assertEqual(found["0.1", "1"]["status"], "completed")
        self.assertIn("Training diverged at step 5", found["0.9", "1"]["reason"])
        self.assertIn(
            "stopped by signal 9: by the system, where memory", found["0.1", "7"]["reason"]
        )
        self.assertIn("failed: error: Training diverged", printed)
        self.assertNotIn("Traceback", errors)

    def test_too_many_failures_in_a_row_end_the_search(self):
        status, _, _ = self._run(
            "--max_trials=9", "--tune_learning_rate=0.8..0.9", "--max_failures=3"
        )
        self.assertRegex(status, "no trial has come to its end; .*trials.csv has the reasons")
        self.assertLen(self._trials(), 3)

    def test_hyperband_goes_on_from_what_it_has_trained(self):
        status, _, errors = self._run(
            "--tuner=hyperband", "--hyperband_units=3", "--tune_learning_rate=0.01..0.5"
        )
        self.assertEqual(status, 0, errors)
        rows = self._trials()
        self.assertLen(rows, 6)
        steps = self._steps()
        self.assertLen(steps, 5)
        # Of three that were trained for a third the best went on, from there to the end.
        thirds = [name for name in steps if steps[name][0] == "0-30"]
        parts = {row["run"]: float(row["score"]) for row in rows if row["step"] == "30"}
        self.assertEqual(set(parts), set(thirds))
        best = max(parts, key=parts.get)
        self.assertEqual(steps[best], ["0-30", "30-90"])
        self.assertEqual(sorted(map(tuple, steps.values())).count(("0-90",)), 2)
        promoted, part = [row for row in rows if row["run"] == best]
        self.assertEqual(promoted["seed"], part["seed"])
        self.assertEqual(promoted["flags"], part["flags"])

    def test_bayesian_search_runs(self):
        status, _, errors = self._run(
            "--tuner=bayesian", "--max_trials=5", "--initial_points=3", "--tune=learning_rate"
        )
        self.assertEqual(status, 0, errors)
        self.assertLen(self._trials(), 5)

    def test_an_interrupted_search_goes_on(self):
        stopped = threading.Event()

        def interrupt():
            while not (self.output_dir / "runs" / "1" / "started").exists():
                if stopped.is_set():
                    return
                if (self.output_dir / "outcomes" / "0.json").exists():
                    (self.output_dir / "wait").touch()
                time.sleep(0.002)
            (self.output_dir / "wait").touch()
            # Python drops an interruption that comes while it is in a destructor: once more, then.
            while not stopped.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                stopped.wait(10)

        threading.Thread(target=interrupt, daemon=True).start()
        try:
            status, printed, _ = self._run("--max_trials=3")
        finally:
            stopped.set()
        self.assertEqual(status, 130)
        self.assertIn("The same command line continues.", printed)
        self.assertFalse((self.output_dir / "runs" / "2").exists())
        (self.output_dir / "wait").unlink()
        status, _, errors = self._run("--max_trials=3")
        self.assertEqual(status, 0, errors)
        self.assertEqual(self._steps(), {name: ["0-90"] for name in "012"})

    def test_a_search_that_was_killed_goes_on_and_waits_for_its_last_training(self):
        self.output_dir.mkdir()
        killed = subprocess.Popen(
            process_arguments(self.output_dir, "--max_trials=3"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        outcome = self.output_dir / "outcomes" / "0.json"
        while not outcome.exists():
            self.assertIsNone(killed.poll())
            time.sleep(0.005)
        (self.output_dir / "wait").touch()
        while not (self.output_dir / "runs" / "1" / "started").exists():
            time.sleep(0.005)
        killed.kill()
        killed.wait()
        threading.Timer(1.0, (self.output_dir / "wait").unlink).start()
        status, _, errors = self._run("--max_trials=3")
        self.assertEqual(status, 0, errors)
        steps = self._steps()
        self.assertEqual(steps.pop("1")[0], "0-90")
        self.assertEqual(steps, {"0": ["0-90"], "2": ["0-90"]})
        self.assertLen(self._trials(), 3)

    def test_a_chief_and_two_workers_search_together(self):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        variables = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
        processes = {
            name: subprocess.Popen(
                process_arguments(self.output_dir, "--max_trials=4"),
                cwd=ROOT,
                env=os.environ | variables | {"KERASTUNER_TUNER_ID": name},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("worker0", "worker1", "chief")
        }
        printed = {}
        for name, process in processes.items():
            printed[name], errors = process.communicate(timeout=180)
            self.assertEqual(process.returncode, 0, f"{name}: {errors[-2000:]}")
        self.assertLen(self._trials(), 4)
        self.assertEqual(self._steps(), {name: ["0-90"] for name in "0123"})
        self.assertIn("The best, trained again", printed["chief"])
        starts = [printed[name].count(" starts") for name in ("worker0", "worker1", "chief")]
        self.assertEqual(sum(starts), 4)
        self.assertEqual(starts[2], 0)

    def test_the_best_trained_again_has_the_score_of_its_trial(self):
        tiny = (
            "--backbone=wrn-8-1",
            "--trunk_size=4",
            "--validation_share=0.05",
            "--initial_steps=2",
            "--selector_steps=1",
            "--policy_health_every=0",
            "--search_evaluations=0",
            "--tune=levels",
            "--tune_levels=2",
            "--max_trials=1",
        )
        status, _, errors = run_tune(self.output_dir, *tiny, program=TRAIN)
        self.assertEqual(status, 0, errors)
        again = subprocess.run(
            [*TRAIN, f"--flagfile={self.output_dir / 'best.flags'}", "--nofinal_test"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        self.assertEqual(again.returncode, 0, again.stderr[-2000:])
        of_trial = read_json(self.output_dir / "runs" / "0" / "validation.json")
        self.assertEqual(of_trial["step"], 3)
        self.assertEqual(read_json(self.output_dir / "best" / "validation.json"), of_trial)

    def test_another_search_in_the_same_place_is_refused(self):
        self._run("--max_trials=1")
        before = (self.output_dir / "trials.csv").read_bytes()
        status, _, errors = self._run("--max_trials=1", "--tune_levels=2..3")
        self.assertEqual(status, 2)
        self.assertRegex(errors, "`--output_dir` must be .* differs in ranges")
        self.assertEqual((self.output_dir / "trials.csv").read_bytes(), before)

    @parameterized.parameters(
        (("--tune=levels,depth",), "`--tune` must be of levels, .* Received: depth"),
        (("--tune=",), "`--tune` must name something"),
        (("--tune_levels=5..2",), "`--tune_levels`: a range must be LOW..HIGH"),
        (("--tune_levels=1..2",), "`--tune_levels` must be of numbers of at least 2"),
        (("--tune_rho=1..2", "--tune_target_macs=0.4"), "must not hold both rho and target_macs"),
        (("--macs_limit=0",), "`--macs_limit` must be in .0, 1."),
        (("--objective=hypervolume",), "`--macs_limit` must be left out"),
        (("--validation_share=0",), "`--validation_share` must be above 0"),
        (("--initial_points=3",), "`--initial_points` must be left out"),
        (("--until_step=3",), "`--until_step` must not be given"),
        (("--ratios=0,1",), "`--ratios` must not be given where levels are tuned"),
        (("--tasks=cifar10", "--data_dir=/nowhere"), "cifar10"),
        (("extra",), "Arguments must be flags"),
    )
    def test_bad_flags_are_one_line_and_nothing_is_written(self, arguments, message):
        status, _, errors = self._run(*arguments)
        self.assertEqual(status, 2)
        self.assertRegex(errors, f"^error: .*{message}")
        self.assertFalse(self.output_dir.exists())

    def test_a_target_that_is_given_or_tuned_stays(self):
        for number, arguments in enumerate((("--target_macs=0.3",), ("--tune_target_macs=0.3",))):
            run_tune(self.folder / str(number), "--max_trials=1", *arguments)
            best = (self.folder / str(number) / "best.flags").read_text()
            self.assertIn("--target_macs=0.3\n", best)
            self.assertNotIn("--target_macs=0.5", best)

    def test_the_objective_decides(self):
        run_tune(self.output_dir, "--max_trials=1", "--macs_limit=0.25", "--macs_tolerance=0")
        search = json.loads((self.output_dir / "outcomes" / "0.json").read_text())
        self.assertFalse(search["is_feasible"])
        self.assertAllClose(search["score"], 0.25 - 0.375)


if __name__ == "__main__":
    tf.test.main()
