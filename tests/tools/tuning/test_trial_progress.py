import io
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.tuning.outcomes import Outcomes
from elastic_tf_tools.tuning.trial_progress import TrialProgress
from elastic_tf_tools.tuning.trial_run import TrialRun

from tests.tools.tuning.outcome import completed, failed


class TrialProgressTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.outcomes = Outcomes(self.enter_context(tempfile.TemporaryDirectory()))
        self.stream = io.StringIO()
        self.seconds = 0

    def _progress(self, max_trials=4):
        return TrialProgress(
            self.outcomes, max_trials, lambda flags: flags[1:], self.stream, lambda: self.seconds
        )

    def _line(self):
        return self.stream.getvalue().splitlines()[-1]

    def _end(self, progress, outcome):
        self.outcomes.write(outcome)
        progress.ended(outcome)

    def test_a_start_names_settings_and_log(self):
        run = TrialRun("2", pathlib.Path("runs"), ("--a=1", "--levels=3"), 30)
        self._progress().started("2", run)
        self.assertEqual(
            self._line(), "trial 2 (3 of 4) starts, up to step 30: --levels=3; log: runs/2.log"
        )

    def test_an_end_names_score_best_and_time_left(self):
        progress = self._progress()
        progress.started("0", TrialRun("0", pathlib.Path("runs"), ()))
        self.seconds = 120
        self._end(progress, completed("0", 0.75, 0.5))
        self.assertEqual(
            self._line(),
            "trial 0 (1 of 4) took 1.5 min: score 0.7500, 75.00 % at 50.0 % MACs; "
            "best 0.7500 of trial 0; about 6 min left",
        )

    def test_what_is_above_the_limit_is_said_to_be(self):
        progress = self._progress(None)
        progress.started("1", TrialRun("1", pathlib.Path("runs"), ()))
        self._end(progress, completed("0", 0.75))
        self._end(progress, completed("1", 0.5, 0.5, is_feasible=False))
        self.assertIn(
            "50.00 % at 50.0 % MACs, above the limit; best 0.7500 of trial 0", self._line()
        )

    def test_a_failure_names_its_reason(self):
        progress = self._progress()
        progress.started("0", TrialRun("0", pathlib.Path("runs"), ()))
        self._end(progress, failed("0"))
        self.assertEqual(self._line(), "trial 0 (1 of 4) failed after 1.5 min: Training diverged")


if __name__ == "__main__":
    tf.test.main()
