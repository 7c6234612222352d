import json
import pathlib
import tempfile
import warnings

from elastic_tf_tools.trial_tuner import (
    BAYESIAN,
    COMPLETED,
    FAILED,
    FIGURES,
    HYPERBAND,
    RANDOM,
    TUNERS,
    TrialTuner,
    make_oracle,
)

import keras_tuner
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.models.network_settings import NetworkSettings
from elastic_tf.tuning import SearchSpace

SPACE = SearchSpace(
    {"num_levels": "2..5", "ratios": "0.2..0.8", "learning_rate": "0.01..0.3"},
    NetworkSettings(num_levels=3),
)
OWN = {
    RANDOM: {},
    HYPERBAND: {"max_epochs": 3, "factor": 3, "hyperband_iterations": 1},
    BAYESIAN: {"num_initial_points": 3},
}


class TrialTunerTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()), "[a]")
        self.folder.mkdir()
        self.state_file = self.folder / "oracle.json"
        self.trials = []

    def _try(self, trial, values):
        """Returns the outcome of a trial whose score is its learning rate; some fail."""
        self.trials.append((trial, values))
        if int(trial) in self.failing:
            return {"status": FAILED, "reason": "it diverged"}
        return {"status": COMPLETED} | dict.fromkeys(FIGURES, values["learning_rate"])

    def _search(
        self, max_trials=5, tuner=RANDOM, failing=(), seed=0, run=None, space=SPACE, **changes
    ):
        """Searches and returns the values of the trials that were run, a list of dicts."""
        self.failing, self.trials = failing, []
        limit = None if tuner == HYPERBAND else max_trials
        own = OWN[tuner] | changes
        oracle = make_oracle(tuner, space, self.state_file, limit, seed, **own)
        TrialTuner(oracle, self.folder, run or self._try, lambda: None).search()
        self.oracle = oracle
        return [values for _, values in self.trials]

    @parameterized.parameters(*TUNERS)
    def test_the_first_trial_is_as_given_and_no_two_are_the_same(self, tuner):
        found = self._search(tuner=tuner, seed=3)
        given = {"num_levels": 3, "narrowing_1": 0.5, "learning_rate": 0.1}
        self.assertEqual(found[0] | given, found[0])
        self.assertLen(found, 6 if tuner == HYPERBAND else 5)
        drawn = {json.dumps(values, sort_keys=True) for values in found}
        self.assertLen(drawn, len(found))
        for values in found:
            names = {name for name in values if name.startswith("narrowing")}
            self.assertEqual(names, {f"narrowing_{k}" for k in range(1, values["num_levels"] - 1)})

    @parameterized.parameters(*TUNERS)
    def test_a_search_that_is_killed_goes_on_as_if_it_had_not_been(self, tuner):
        whole = self._search(tuner=tuner, seed=3)
        self.state_file.unlink()

        def die(trial, values):
            if trial.endswith("3"):
                raise KeyboardInterrupt
            return self._try(trial, values)

        with self.assertRaises(KeyboardInterrupt):
            self._search(tuner=tuner, seed=3, run=die)
        self.assertEqual([values for _, values in self.trials], whole[:3])
        found = self._search(tuner=tuner, seed=3)
        # What was under way is tried again, before the others.
        self.assertEqual(found[0], whole[3])
        self.assertLen(found, len(whole) - 3)
        if tuner != BAYESIAN:  # Which goes on from the same scores, but draws anew.
            self.assertEqual(found, whole[3:])
        self.assertEmpty(self._search(tuner=tuner, seed=3))

    def test_more_trials_add_to_a_finished_search(self):
        self._search(2)
        self._search(12)
        self.assertEqual([int(trial) for trial, _ in self.trials], list(range(2, 12)))

    def test_seed_0_is_a_seed_and_others_draw_others(self):
        found = []
        for seed in (0, 0, 1):
            found.append(self._search(2, seed=seed))
            self.state_file.unlink()
        self.assertEqual(found[0], found[1])
        self.assertNotEqual(found[0][1], found[2][1])

    def test_a_space_of_one_point_is_one_trial(self):
        self.assertLen(self._search(space=SearchSpace({"learning_rate": "0.2"})), 1)

    def test_failed_trials_are_known_with_their_reason_and_never_the_best(self):
        with warnings.catch_warnings(record=True) as warned:
            self._search(4, failing=(0, 2))
        self.assertEmpty(warned)
        found = {
            trial.trial_id: (trial.status, trial.message) for trial in self.oracle.trials.values()
        }
        self.assertEqual(found["2"], ("FAILED", "it diverged"))
        self.assertEqual(found["3"], ("COMPLETED", None))
        best, second = self.oracle.get_best_trials(2)
        self.assertEqual({best.trial_id, second.trial_id}, {"1", "3"})
        self.assertGreaterEqual(best.score, second.score)

    @parameterized.parameters((HYPERBAND, (0, 1)), (BAYESIAN, (0, 1, 2)))
    def test_failed_trials_end_no_search(self, tuner, failing):
        self._search(6, tuner=tuner, failing=failing)
        self.assertGreater(len(self.trials), len(failing))

    def test_an_error_of_the_program_is_no_failed_trial(self):
        def fail(trial, values):
            raise OSError("No space left")

        with self.assertRaisesRegex(keras_tuner.errors.FatalError, "No space left"):
            self._search(run=fail)
