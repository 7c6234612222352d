import csv
import pathlib
import tempfile

from elastic_tf_tools.trial_files import TrialFiles

import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from elastic_tf.tuning import Objective

OBJECTIVE = Objective("accuracy", budget=0.5)


def completed(trial, accuracy=0.75, macs_share=0.5, **changes):
    """Returns a completed outcome whose score is its accuracy."""
    return {
        "trial": trial,
        "status": "completed",
        "run": trial,
        "seed": int(trial),
        "values": {"num_levels": 3, "learning_rate": 0.0625, "tuner/epochs": 9},
        "flags": ["--tasks=birds", "--num_levels=3", "--learning_rate=0.0625", f"--seed={trial}"],
        "until_step": None,
        "minutes": 1.5,
        "score": accuracy,
        "accuracy": accuracy,
        "macs_share": macs_share,
        "hypervolume": 0.5,
        "is_feasible": True,
        "is_whole_training": True,
        "step": 90,
        "tasks": {"birds": {"accuracy": accuracy, "macs_share": macs_share}},
    } | changes


def failed(trial, reason="it diverged"):
    names = ("trial", "run", "seed", "values", "flags", "until_step", "minutes")
    whole = completed(trial)
    return {name: whole[name] for name in names} | {"status": "failed", "reason": reason}


PART = {"is_whole_training": False, "step": 30, "until_step": 30}
# The best by score is of a part of a training; of equals the cheaper is on the front.
OUTCOMES = [
    completed("0", 0.75, 0.5),
    failed("1"),
    completed("2", 0.875, 0.5, **PART),
    completed("9", 0.5, 0.25),
    completed("10", 0.75, 0.625),
]


class TrialFilesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()), "[a]")
        self.files = TrialFiles(folder, OBJECTIVE)

    def _write(self, outcomes=tuple(OUTCOMES)):
        for outcome in outcomes:
            self.files.write(outcome)
        return self.files.write_tables()

    def _read(self, path):
        with open(path) as file:
            return list(csv.DictReader(file))

    def test_outcomes_are_kept_and_ranked(self):
        self.assertIsNone(self.files.read("0"))
        self.assertEmpty(self.files.ranked())
        ranked = self._write()
        self.assertEqual(self.files.read("9"), OUTCOMES[3])
        # Whole trainings by score, by number where that is equal; parts; what has failed.
        self.assertEqual([outcome["trial"] for outcome in ranked], ["0", "10", "9", "2", "1"])

    def test_tables_have_all_trials_and_the_front(self):
        self._write()
        rows = self._read(self.files.csv)
        self.assertEqual([row["trial"] for row in rows], ["0", "10", "9", "2", "1"])
        self.assertEqual(
            [row["is_on_front"] for row in rows], ["True", "False", "True"] + 2 * ["False"]
        )
        self.assertEqual(rows[0]["flags"], " ".join(OUTCOMES[0]["flags"]))
        self.assertEqual((rows[0]["learning_rate"], rows[0]["macs_share"]), ("0.0625", "0.5"))
        self.assertEqual((rows[-1]["reason"], rows[-1]["score"]), ("it diverged", ""))
        self.assertNotIn("tuner/epochs", rows[0])
        self.assertEqual([row["trial"] for row in self._read(self.files.front)], ["9", "0"])
        self.assertTrue(self.files.plot.exists())

    def test_the_best_is_a_flagfile_that_says_what_it_is(self):
        self._write()
        folder = self.files.path
        self.assertEqual(
            self.files.best.read_text().splitlines(),
            [
                "# Trial 0 of a search by tools/tune.py for the best",
                "# validation accuracy within 50 % of the MACs: 0.7500.",
                "# On the validation images: birds 75.00 % at 50.0 % MACs",
                "# To train it again:",
                f"#   python tools/train.py --flagfile={folder}/best.flags",
                f"--output_dir={folder}/best",
                *OUTCOMES[0]["flags"],
            ],
        )

    def test_a_best_of_a_part_is_said_to_be_one(self):
        self._write(OUTCOMES[1:3])
        self.assertIn("0.8750, of a training up to step 30.", self.files.best.read_text())
        self.assertEmpty(self._read(self.files.front))

    def test_without_a_completed_trial_there_are_tables_but_no_best(self):
        self._write([failed("0")])
        self.assertLen(self._read(self.files.csv), 1)
        self.assertEmpty(self._read(self.files.front))
        self.assertFalse(self.files.best.exists() or self.files.plot.exists())

    def test_the_table_for_a_person(self):
        self._write(OUTCOMES[:2])
        table = self.files.table.read_text()
        self.assertStartsWith(table, "Score: validation accuracy within 50 % of the MACs.")
        self.assertIn(
            "| trial | score | accuracy % | MACs % | step | num_levels | learning_rate |\n", table
        )
        self.assertIn("\n| 0 | 0.7500 | 75.00 | 50.0 | 90 | 3 | 0.0625 |\n", table)
        self.assertIn("\n| 1 | failed | – | – | – | 3 | 0.0625 |\n", table)
        self.assertEndsWith(table, "\n\n- trial 1 failed: it diverged\n")

    def test_tensorboard_reads_values_and_figures(self):
        self.files.write(OUTCOMES[2])
        log = EventAccumulator(str(self.files.path / "hparams" / "2"), {"tensors": 0}).Reload()
        self.assertIn("_hparams_/session_start_info", log.Tags()["tensors"])
        (point,) = log.Tensors("score")
        self.assertEqual(point.step, 30)
        self.assertAllClose(tf.make_ndarray(point.tensor_proto), 0.875)
