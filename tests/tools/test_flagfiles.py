"""Every flagfile that we ship parses, and the paper's hold the paper's settings."""

import pathlib

import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import data_flags, model_flags, train, training_flags, tune  # noqa: F401
from elastic_tf_tools.given_flags import OF_THE_COMMAND, training_flag_names

FOLDER = pathlib.Path(train.__file__).parent / "flagfiles"


# Of tools/tune.py; all others are of tools/train.py.
SEARCH = "level_search.flags"


class FlagfilesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        *sorted(path.name for path in FOLDER.glob("*.flags") if path.name != SEARCH)
    )
    @flagsaver.flagsaver
    def test_it_parses(self, name):
        flags.FLAGS(["train", f"--flagfile={FOLDER / name}"])
        self.assertStartsWith(flags.FLAGS.output_dir, "runs/")
        data_flags.get_tasks()

    @flagsaver.flagsaver
    def test_the_search_parses(self):
        values = flags.FlagValues()
        for flag in (*training_flag_names(), *OF_THE_COMMAND):
            values[flag] = flags.FLAGS[flag]
        tune.define_flags(values)
        values(["tune", f"--flagfile={FOLDER / SEARCH}"])
        self.assertStartsWith(values.output_dir, "runs/")
        self.assertLess(values.macs_limit, 1)

    @parameterized.parameters(("paper_wrn.flags", 15), ("paper_resnet.flags", 20))
    @flagsaver.flagsaver
    def test_the_papers_settings(self, name, blocks):
        flags.FLAGS(["train", f"--flagfile={FOLDER / name}"])
        specs = data_flags.get_tasks()
        self.assertEqual([spec.name for spec in specs], ["cifar100", "tiny_imagenet", "stl10"])
        model = model_flags.build_model({"a": {"image_shape": (32, 32, 3), "num_classes": 100}})
        self.assertEqual((model.num_blocks, model.num_levels), (blocks, 4))
        self.assertEqual(model.selector.features, "pooled")
        training_flags.compile_model(model)
        self.assertEqual(model.settings, type(model.settings).paper(l2=model.settings.l2))
        self.assertEqual([model.settings.l2_of(spec.name) for spec in specs], [1e-4, 5e-5, 1e-4])
        self.assertEqual(model.stages.get_config(), type(model.stages)().get_config())
        self.assertEqual(model.learning_rate.get_config(), type(model.learning_rate)().get_config())


if __name__ == "__main__":
    tf.test.main()
