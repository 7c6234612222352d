import json
import pathlib
import tempfile

import tensorflow as tf
from elastic_tf_tools.ablating.report import report_distributions, report_levels
from elastic_tf_tools.studying.study_runs import StudyRun

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

    def _run(self, variant, seed, accuracy, curve=(), policy=POLICY):
        run = StudyRun(variant, seed, (), self.folder)
        run.output_dir.mkdir(parents=True)
        (run.output_dir / "run.json").write_text(json.dumps({"initial_steps": 20}))
        figures = {
            "accuracy": {"selector": accuracy},
            "macs_share": 0.5,
            "full_macs": 1_000_000,
            "num_images": 100,
            "policy": policy,
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
            for number, accuracy in ((2, 0.6), (4, 0.7), (5, 0.65))
        ]
        text = report_levels(runs, self.folder)
        self.assertIn("cats: holds here.", text)
        self.assertIn("60.50 ± 0.71 % with 2, 70.50 ± 0.71 % with 4, ", text)
        self.assertIn("cats: does not hold here. MACs of the selector's choice: 50.00", text)
        self.assertTrue((self.folder / "figure_2a_levels.png").exists())

    def test_the_choice_is_judged_on_all_seeds_of_the_methods_own_variant(self):
        runs = [
            self._run(f"levels{number}", seed, 0.5, policy=POLICY | {"entropy": entropy})
            for number, seed, entropy in ((2, 0, 1.38), (4, 0, 0.5), (4, 1, 1.0))
        ]
        text = report_levels(runs, self.folder)
        self.assertIn("neither deterministic nor uniform. Judged on levels4.", text)
        self.assertIn("cats: holds here. 2 of 2 seeds hold: 3.0 ± 0.0 models, 50.0 ± 0.0 %", text)
        self.assertIn("entropy 0.75 ± 0.35 nats", text)

    def test_without_it_the_variant_that_is_judged_is_named(self):
        text = report_levels([self._run("levels3", 0, 0.5)], self.folder)
        self.assertIn("Judged on levels3.", text)
        self.assertIn("3 models, 50.0 % of the images on the most used; entropy 1.00 nats", text)

    def test_a_distribution_that_was_not_trained_is_missed(self):
        text = report_distributions([self._run("uniform", 0, 0.5, [(20, 0.5)])], self.folder)
        self.assertIn("cats: not measured here (proposed and random missing).", text)

    def test_accuracy_that_was_not_logged_is_missed(self):
        runs = [self._run(name, 0, 0.5, [(20, 0.5)]) for name in ("proposed", "random")]
        runs.append(self._run("uniform", 0, 0.5))
        text = report_distributions(runs, self.folder)
        self.assertIn("cats: not measured here (uniform missing).", text)

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
