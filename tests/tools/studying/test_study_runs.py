import json
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.studying.study_file import Variant
from elastic_tf_tools.studying.study_runs import find_runs, make_runs

VARIANTS = [Variant("a", "First.", ("--rho=3",)), Variant("b", "Second.", ())]


class StudyRunsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _finish(self, run):
        run.output_dir.mkdir(parents=True)
        (run.output_dir / "results.json").write_text(json.dumps({"birds": run.seed}))
        run.record()

    def test_every_variant_is_there_with_every_seed_one_seed_after_the_other(self):
        runs = make_runs(VARIANTS, [0, 2], self.folder)
        self.assertEqual(
            [str(run) for run in runs], [f"{v}, seed {k}" for k in (0, 2) for v in "ab"]
        )

    def test_the_command_line_ends_with_seed_and_folder(self):
        run = make_runs(VARIANTS, [4], self.folder)[0]
        self.assertEqual(
            run.arguments, ["--rho=3", "--seed=4", f"--output_dir={self.folder}/a/seed4"]
        )

    def test_the_log_lies_beside_the_folder_of_the_run(self):
        run = make_runs(VARIANTS, [4], self.folder)[0]
        self.assertEqual(run.log, self.folder / "a" / "seed4.log")

    def test_a_run_with_results_and_the_same_flags_is_finished(self):
        run = make_runs(VARIANTS, [0], self.folder)[0]
        self.assertFalse(run.is_finished())
        self._finish(run)
        self.assertTrue(run.is_finished())
        self.assertEqual(run.results(), {"birds": 0})

    def test_a_run_with_other_flags_is_not_finished(self):
        self._finish(make_runs(VARIANTS, [0], self.folder)[0])
        changed = make_runs([Variant("a", "First.", ("--rho=4",))], [0], self.folder)[0]
        self.assertTrue(changed.has_results())
        self.assertFalse(changed.is_finished())

    def test_a_study_that_is_moved_stays_finished(self):
        self._finish(make_runs(VARIANTS, [0], self.folder / "old")[0])
        (self.folder / "old").rename(self.folder / "new")
        self.assertTrue(make_runs(VARIANTS, [0], self.folder / "new")[0].is_finished())

    def test_runs_of_any_seed_are_found_once_they_have_results(self):
        for run in make_runs(VARIANTS, [10, 2], self.folder):
            self._finish(run)
        (self.folder / "b" / "seed3").mkdir()
        (self.folder / "b" / "seed2" / "results.json").unlink()
        found = [str(run) for run in find_runs(VARIANTS, self.folder)]
        self.assertEqual(found, ["a, seed 2", "a, seed 10", "b, seed 10"])


if __name__ == "__main__":
    tf.test.main()
