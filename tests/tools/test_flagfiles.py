"""Every flagfile that ships parses, wherever it is installed; the paper's have its settings."""

from elastic_tf_tools import flags, train, tune

import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import parameterized

import elastic_tf
import pipelines

FLAGFILES = sorted((flags.FOLDER / "flagfiles").glob("*.flags"))


def parse(path, command=train):
    values = absl_flags.FlagValues()
    command.define_flags(values)
    flags.parse(values, [command.__name__, f"--flagfile={path}"])
    return values


class FlagfilesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*(path.name for path in FLAGFILES))
    def test_it_is_found_by_its_name_and_parses(self, name):
        values = parse(f"/elsewhere/{name}", tune if name == "level_search.flags" else train)
        self.assertStartsWith(values["output_dir"].value, "runs/")
        tasks = flags.read_training_settings(values).data.tasks
        for task in pipelines.parse_tasks(tasks):
            if isinstance(task, str):  # The user's own images are elsewhere.
                self.assertIn(task, pipelines.task_names())

    def test_one_of_the_users_own_comes_first(self):
        path = f"{self.get_temp_dir()}/quickstart.flags"
        with open(path, "w") as file:
            file.write("--output_dir=mine\n")
        self.assertEqual(parse(path)["output_dir"].value, "mine")

    def test_one_of_windows_is_read_as_it_is_meant(self):
        path = f"{self.get_temp_dir()}/my.flags"
        with open(path, "wb") as file:
            file.write(b"--tasks=digits\r\n--output_dir=mine\r\n")
        self.assertEqual(parse(path)["tasks"].value, ("digits",))

    @parameterized.parameters(
        ("utf-8-sig", "a byte order mark"), ("utf-16", "another encoding"), ("latin-1", "another")
    )
    def test_another_encoding_is_refused_and_no_flag_lost(self, encoding, received):
        path = f"{self.get_temp_dir()}/my.flags"
        with open(path, "w", encoding=encoding) as file:
            file.write("--tasks=digits\n--output_dir=d\u00e9j\u00e0\n")
        expected = f"`--flagfile` must be text in UTF-8. Received: flagfile={path}, with {received}"
        with self.assertRaisesRegex(ValueError, expected):
            parse(path)

    def test_one_that_is_nowhere_is_named(self):
        with self.assertRaisesRegex(ValueError, "nowhere.flags"):
            parse("nowhere.flags")

    @parameterized.parameters(("paper_wrn.flags", 15), ("paper_resnet.flags", 20))
    def test_the_papers_settings(self, name, num_blocks):
        settings = flags.read_training_settings(parse(name))
        self.assertEqual(settings.data.tasks, ("cifar100", "tiny_imagenet", "stl10"))
        l2 = {"cifar100": 1e-4, "tiny_imagenet": 5e-5, "stl10": 1e-4}
        self.assertEqual(settings.method, elastic_tf.MethodSettings.paper(l2=l2))
        self.assertEqual(settings.schedule, elastic_tf.StageSchedule.paper())
        self.assertEqual(settings.optimizers, elastic_tf.OptimizerSettings.paper())
        backbone = settings.network.backbone
        self.assertEqual(settings.network, elastic_tf.NetworkSettings.paper(backbone=backbone))
        self.assertLen(elastic_tf.parse_backbone(backbone).blocks, num_blocks)
