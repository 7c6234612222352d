import json
import pathlib
import tempfile

import keras_tuner
import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.tuning.oracles import TUNERS, make_oracle


def _oracle(tuner, folder, seed=0, **arguments):
    oracle = make_oracle(tuner, 6, seed, **arguments)
    oracle._set_project_dir(str(folder), "search")
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.0, 1.0, default=0.25)
    space.Int("levels", 2, 9, default=4)
    oracle.update_space(space)
    oracle.verbose = 0
    return oracle


def _finish(oracle, trial, score):
    oracle.update_trial(trial.trial_id, {"score": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def _drawn(trial):
    return {name: trial.hyperparameters.values[name] for name in ("rate", "levels")}


class OraclesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    @parameterized.parameters(*TUNERS)
    def test_the_first_trial_has_the_defaults(self, tuner):
        trial = _oracle(tuner, self.folder).create_trial("tuner0")
        self.assertEqual(_drawn(trial), {"rate": 0.25, "levels": 4})

    @parameterized.parameters(*TUNERS)
    def test_the_same_seed_draws_the_same_trials(self, tuner):
        def values(seed, name):
            oracle = _oracle(tuner, self.folder / name, seed)
            trials = [oracle.create_trial(f"tuner{index}") for index in range(3)]
            return [_drawn(trial) for trial in trials]

        self.assertEqual(values(0, "a"), values(0, "b"))
        self.assertNotEqual(values(0, "c"), values(1, "d"))

    @parameterized.parameters(*TUNERS)
    def test_a_reloaded_oracle_goes_on(self, tuner):
        oracle = _oracle(tuner, self.folder)
        _finish(oracle, oracle.create_trial("tuner0"), 0.5)
        under_way = oracle.create_trial("tuner0")
        again = _oracle(tuner, self.folder)
        again.reload()
        self.assertEqual(again.get_trial("0").score, 0.5)
        self.assertEqual(again.create_trial("tuner0").trial_id, under_way.trial_id)
        self.assertEqual(again.create_trial("tuner1").trial_id, "2")

    def test_a_kill_while_it_writes_loses_nothing(self):
        oracle = _oracle("random", self.folder)
        _finish(oracle, oracle.create_trial("tuner0"), 0.5)
        path = self.folder / "search" / "oracle.json"
        before = path.read_text()

        class Killed(Exception):
            pass

        def kill(*_):
            raise Killed

        write = json.dumps
        json.dumps = kill
        try:
            with self.assertRaises(Killed):
                oracle.save()
        finally:
            json.dumps = write
        self.assertEqual(path.read_text(), before)
        self.assertEmpty(list(path.parent.rglob("*.partial")))

    def _hyperband(self):
        oracle = make_oracle("hyperband", None, 0, hyperband_units=3, hyperband_factor=3)
        oracle._set_project_dir(str(self.folder), "search")
        oracle.verbose = 0
        space = keras_tuner.HyperParameters()
        space.Float("rate", 0.0, 1.0)
        oracle.update_space(space)
        return oracle

    def test_hyperband_replaces_what_fails(self):
        oracle = self._hyperband()
        failed, promoted = oracle.create_trial("tuner0"), []
        failed.status = "FAILED"
        oracle.end_trial(failed)
        for _ in range(4):
            trial = oracle.create_trial("tuner0")
            promoted.append(trial.hyperparameters.values.get("tuner/trial_id"))
            _finish(oracle, trial, int(trial.trial_id))
        # Of the three that did not fail the best goes on.
        self.assertEqual(promoted, [None, None, None, "0003"])

    def test_hyperband_promotes_the_best(self):
        oracle = self._hyperband()
        scores, promoted = {}, []
        while (trial := oracle.create_trial("tuner0")).status != "STOPPED":
            values = trial.hyperparameters.values
            past = values.get("tuner/trial_id")
            if past:
                promoted.append(past)
                self.assertEqual(values["tuner/initial_epoch"], 1)
                self.assertEqual(values["tuner/epochs"], 3)
                self.assertEqual(values["rate"], oracle.get_trial(past).hyperparameters["rate"])
            scores[trial.trial_id] = values["rate"]
            _finish(oracle, trial, values["rate"])
        # By hand: three trials for a third, of which the best goes on; then two in full.
        self.assertLen(scores, 6)
        self.assertEqual(promoted, [max(list(scores)[:3], key=scores.get)])


if __name__ == "__main__":
    tf.test.main()
