import pathlib
import tempfile

import tensorflow as tf
from absl import flags
from elastic_tf_tools.tuning.best_flags import format_best_flags

from elastic_tf.tuning.objectives import Objective
from tests.tools.tuning.outcome import completed


class BestFlagsTest(tf.test.TestCase):
    def _text(self, **changes):
        outcome = completed("4", 0.8125, 0.375, **changes)
        return format_best_flags(outcome, Objective("accuracy", 0.4), pathlib.Path("runs/search"))

    def test_it_is_a_flagfile_of_the_trial(self):
        folder = self.enter_context(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder) / "best.flags"
        path.write_text(self._text())
        read = flags.FlagValues().read_flags_from_files([f"--flagfile={path}"])
        self.assertEqual(read, ["--output_dir=runs/search/best", *completed("4")["flags"]])

    def test_it_says_where_it_comes_from(self):
        text = self._text()
        self.assertIn("Trial 4 of", text)
        self.assertIn("validation accuracy within 40 % of the MACs: 0.8125.", text)
        self.assertIn("birds 81.25 % at 37.5 % MACs", text)
        self.assertIn("python tools/train.py --flagfile=runs/search/best.flags", text)

    def test_it_says_if_the_score_is_that_of_a_part_of_the_training(self):
        self.assertNotIn("up to step", self._text())
        self.assertIn("up to step 30", self._text(is_whole_training=False, step=30))


if __name__ == "__main__":
    tf.test.main()
