import dataclasses
import pathlib
import tempfile

from elastic_tf_tools.run_folder import RunFolder, load_run
from elastic_tf_tools.training_settings import TrainingSettings

import keras
import tensorflow as tf
from absl.testing import parameterized

import elastic_tf
import pipelines
from elastic_tf.files import read_json, write_json
from tests.tools.finished_run import copy_run, finished_run

IMAGES = {"training_images": {"digits": 1077}, "image_checksums": {"digits": 5}}
SETTINGS = TrainingSettings(data=pipelines.DataSettings(tasks=("digits",), data_dir="/a"), seed=3)


def changed(**data):
    return dataclasses.replace(SETTINGS, data=dataclasses.replace(SETTINGS.data, **data))


class RunFolderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.run_folder = RunFolder(self.folder / "run")

    def test_a_claimed_folder_says_of_what_it_is(self):
        self.run_folder.claim(SETTINGS, IMAGES)
        self.assertEqual(self.run_folder.read_settings(), SETTINGS)
        found = read_json(self.run_folder.file)
        self.assertEqual(found["version"], elastic_tf.__version__)
        self.assertEqual({name: found[name] for name in IMAGES}, IMAGES)

    def test_the_same_run_may_go_on_with_its_data_elsewhere(self):
        self.run_folder.claim(SETTINGS, IMAGES)
        self.run_folder.claim(changed(data_dir="/b", eval_batch_size=3), IMAGES)
        self.assertEqual(self.run_folder.read_settings(), SETTINGS)

    def test_another_run_is_refused(self):
        self.run_folder.claim(SETTINGS, IMAGES)
        with self.assertRaisesRegex(FileExistsError, "`output_dir` must .* differs in batch_size"):
            self.run_folder.check(changed(batch_size=3))
        for name, other in IMAGES.items():
            with self.assertRaisesRegex(FileExistsError, f"differs in {name}"):
                self.run_folder.claim(SETTINGS, IMAGES | {name: {"digits": 3}})
            self.assertEqual(read_json(self.run_folder.file)[name], other)

    def test_a_run_of_a_version_that_noted_less_goes_on(self):
        self.run_folder.claim(SETTINGS, {"training_images": IMAGES["training_images"]})
        self.run_folder.check(SETTINGS, IMAGES)

    @parameterized.parameters(({"rho": 1.0}, "None"), ({"version": "0.2.0"}, "0.2.0"))
    def test_a_run_of_an_earlier_version_is_one_clear_line(self, found, version):
        self.run_folder.path.mkdir()
        write_json(self.run_folder.file, found | {"tasks": ["digits"]})
        fault = f"of version 0.3 .*; train it anew. Received: version={version}"
        for use in (self.run_folder.read_settings, lambda: self.run_folder.check(SETTINGS)):
            with self.assertRaisesRegex(ValueError, fault):
                use()

    def test_a_folder_without_a_run_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "`--model_dir` must be the output"):
            load_run(self.folder)

    def test_an_unfinished_run_cannot_be_loaded(self):
        self.run_folder.claim(SETTINGS, IMAGES)
        with self.assertRaisesRegex(FileNotFoundError, "must hold a finished run, with a"):
            load_run(self.run_folder.path)

    def test_a_file_that_holds_no_network_of_ours_is_named(self):
        run = copy_run(self.folder / "copy")
        run.model.write_bytes(b"no zip")
        with self.assertRaisesRegex(ValueError, "model.keras must be a DeepElasticNetwork"):
            load_run(run.path)
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(run.model)
        with self.assertRaisesRegex(ValueError, "model.keras must be .* Received: Sequential"):
            load_run(run.path)

    def test_a_finished_run_comes_with_its_network_and_its_tasks(self):
        run = finished_run()
        loaded = load_run(run.path, {"tasks": ("digits",), "eval_batch_size": 7})
        self.assertEqual([spec.name for spec in loaded.specs], ["digits"])
        self.assertEqual(set(loaded.model.calibrations), {"digits", "fashion_mnist_small"})
        self.assertEqual(loaded.settings.data.eval_batch_size, 7)
        self.assertEqual(loaded.settings.network, run.read_settings().network)

    def test_classes_of_other_names_or_in_another_order_are_refused(self):
        run = copy_run(self.folder / "copy")
        found = run.read_description()
        names = [str(label) for label in range(10)]
        self.assertEqual(found["class_names"]["digits"], names)
        names[3], names[4] = "four", "three"
        write_json(run.file, found | {"class_names": {"digits": names}})
        fault = "Classes of 'digits' must be .* class 3 'four'. Received: '3'"
        with self.assertRaisesRegex(ValueError, fault):
            load_run(run.path)
        self.assertEqual(
            load_run(run.path, {"tasks": ("fashion_mnist_small",)}).tasks[0][:4], "fash"
        )
        del found["class_names"]  # As of a version before.
        write_json(run.file, found)
        load_run(run.path)

    def test_tasks_that_the_network_does_not_know_are_refused(self):
        with self.assertRaisesRegex(ValueError, "must be of digits, fashion_mnist_small"):
            load_run(finished_run().path, {"tasks": ("mnist",)})
