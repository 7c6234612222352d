import json
import pathlib
import tempfile

import tensorflow as tf

from tools.ablating.report import report_distributions, report_levels
from tools.studying.study_runs import StudyRun

POLICY = {
    "distinct_models": 3,
    "entropy": 1.0,
    "top_models": [{"levels": [0, 1], "share": 0.5}],
    "level_shares": [[0.5, 0.5]] * 2,
}


class ReportTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _run(self, variant, seed, accuracy, curve=()):
        run = StudyRun(variant, seed, (), self.folder)
        run.output_dir.mkdir(parents=True)
        (run.output_dir / "run.json").write_text(json.dumps({"initial_steps": 20}))
        figures = {
            "accuracy": {"selector": accuracy},
            "macs_share": 0.5,
            "full_macs": 1_000_000,
            "num_images": 100,
            "policy": POLICY,
        }
        (run.output_dir / "results.json").write_text(json.dumps({"cats": figures}))
        for part, name in (("train", "step"), ("validation", "cats_full_accuracy")):
            writer = tf.summary.create_file_writer(str(run.output_dir / "logs" / part))
            with writer.as_default():
                for epoch, (step, value) in enumerate(curve):
                    of = step if name == "step" else value
                    tf.summary.scalar(f"epoch_{name}", of, step=epoch)
            writer.close()
        return run

    def test_levels_are_judged_by_their_means(self):
        runs = [
            self._run(f"levels{number}", seed, accuracy + seed / 100)
            for seed in (0, 1)
            for number, accuracy in ((2, 0.6), (4, 0.7))
        ]
        text = report_levels(runs, self.folder)
        self.assertIn("cats: holds here.", text)
        self.assertIn("60.50 ± 0.71 % with 2, 70.50 ± 0.71 % with 4 levels", text)
        self.assertIn("cats: does not hold here. MACs of the selector's choice: 50.00", text)
        self.assertIn("3 models, 50.0 % of the images on the most used; entropy 1.00 nats", text)
        self.assertTrue((self.folder / "figure_2a_levels.png").exists())

    def test_distributions_are_judged_at_the_end_of_the_initial_stage(self):
        runs = [
            self._run(name, 0, 0.9, [(10, 0.1), (20, accuracy), (30, 0.99)])
            for name, accuracy in (("proposed", 0.7), ("uniform", 0.675), ("random", 0.6))
        ]
        text = report_distributions(runs, self.folder)
        self.assertIn("cats: holds here.", text)
        self.assertIn("uniform 2.5 points lower, random 10.0 points lower", text)
        self.assertIn("proposed 70.00 % then, 90.00 % at the end", text)
        self.assertTrue((self.folder / "figure_2b_initial_distributions.png").exists())


if __name__ == "__main__":
    tf.test.main()
