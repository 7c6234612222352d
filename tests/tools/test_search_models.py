import csv
import itertools
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import parameterized
from elastic_tf_tools import search_models
from elastic_tf_tools.evaluate import split_batches
from elastic_tf_tools.run_directory import read_json
from elastic_tf_tools.task_flag import tasks_from_items

from elastic_tf.evaluation.answers import Answers
from tests.tools.commands import OwnFlags, run_failing, run_main
from tests.tools.finished_run import save_run

LIMITS = ["0.3", "0.6"]


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class SearchModelsTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.run_dir, cls.network = save_run(cls.folder / "run")

    def _run(self, call=run_main, output_dir=None, model_dir=None, **own):
        output_dir = (
            self.folder / self.id().rsplit(".", 1)[-1] if output_dir is None else output_dir
        )
        values = {"output_dir": str(output_dir), "macs_limits": LIMITS} | own
        search_models.FLAGS = OwnFlags(search_models, **values)
        try:
            printed = call(search_models.main, model_dir=str(model_dir or self.run_dir.path))
        finally:
            search_models.FLAGS = flags.FLAGS
        return printed, output_dir

    def test_all_models_are_tried_where_they_are_few_and_the_best_are_found(self):
        printed, folder = self._run(evaluations=64)
        found = read_json(folder / "models.json")["tasks"]["digits"]
        self.assertLen(found["tried"], 64)
        (spec,) = tasks_from_items(["digits"], "error")
        table = self.network.cost_table("digits")
        splits = {
            split: Answers(self.network, split_batches(spec, split), "digits")
            for split in ("validation", "test")
        }
        models = list(itertools.product(range(4), repeat=3))
        right = {m: splits["validation"].are_right(m).mean() for m in models}
        shares = {m: float(table.macs_share(m, with_selector=False)) for m in models}
        for limit, best in zip([0.3, 0.6], found["best"], strict=True):
            self.assertEqual(best["limit"], limit)
            expected = max(right[m] for m in models if shares[m] <= limit)
            self.assertAllClose(best["validation_accuracy"], expected)
            levels = tuple(best["levels"])
            self.assertAllClose(right[levels], expected)
            self.assertAllClose(best["macs_share"], shares[levels])
            self.assertAllClose(best["test_accuracy"], splits["test"].are_right(levels).mean())
        chosen = np.argmax(splits["test"].logits, axis=-1)
        self.assertAllClose(
            found["selector"]["test_accuracy"], splits["test"].are_right(chosen).mean()
        )
        self.assertAllClose(
            found["selector"]["macs_share"], np.mean(table.macs_share(chosen)), rtol=1e-5
        )
        self.assertIn((folder / "table.md").read_text(), printed)

    @parameterized.parameters("evolution", "random")
    def test_no_more_are_tried_than_asked_for(self, algorithm):
        _, folder = self._run(evaluations=10, algorithm=algorithm)
        with open(folder / "models.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertLen({row["levels"] for row in rows}, 10)
        self.assertTrue((folder / "models.png").exists())

    @parameterized.parameters(
        ({"macs_limits": ["0.5", "2"]}, "`--macs_limits` must be numbers in .0, 1., each once"),
        ({"macs_limits": ["a"]}, "Received: macs_limits=a"),
        ({"macs_limits": ["0.0001"]}, "`--macs_limits` must allow the cheapest model of 'digits'"),
        ({"output_dir": ""}, "`--output_dir` must be the path of a folder"),
        ({"model_dir": "/nowhere"}, "`--model_dir` must be the output directory"),
    )
    def test_bad_input_is_one_line(self, values, message):
        line, folder = self._run(run_failing, **values)
        self.assertRegex(line, f"^error: .*{message}")
        if folder:
            self.assertFalse(pathlib.Path(folder).exists())

    def test_a_run_without_validation_images_is_refused(self):
        run, _ = save_run(self.folder / "no_validation", validation_share=0.0)
        line, _ = self._run(run_failing, model_dir=run.path)
        self.assertIn("`--model_dir` must hold a run with validation images", line)


if __name__ == "__main__":
    tf.test.main()
