import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import data_flags
from elastic_tf_tools.task_flag import check_network_tasks, parse_tasks, tasks_from_items

import pipelines
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from pipelines import OwnTask
from tests.pipelines.own_images import write_classes


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class ParseTasksTest(tf.test.TestCase, parameterized.TestCase):
    def test_names_and_own_tasks_in_any_order(self):
        items = ["digits", "birds:folder=/a", "image_size=48", "mnist", "cats:npz=/b.npz"]
        expected = [
            "digits",
            OwnTask("birds", folder="/a", image_size=48),
            "mnist",
            OwnTask("cats", npz="/b.npz"),
        ]
        self.assertEqual(parse_tasks(items), expected)

    def test_every_option(self):
        items = ["a:folder=/a", "image_size=9", "channels=1", "flip=False", "pad=2"]
        items += ["fit=stretch", "test_share=0.3"]
        expected = OwnTask("a", "/a", None, 9, 1, False, 2, "stretch", 0.3)
        self.assertEqual(parse_tasks(items), [expected])

    def test_the_path_may_come_later(self):
        items = ["a:image_size=9", "folder=/a"]
        self.assertEqual(parse_tasks(items), [OwnTask("a", "/a", image_size=9)])

    def test_paths_may_hold_equal_signs_and_colons(self):
        self.assertEqual(parse_tasks(["a:npz=/x=1:2/b"]), [OwnTask("a", npz="/x=1:2/b")])
        items = ["a:image_size=9", "folder=C:/x=1"]
        self.assertEqual(parse_tasks(items), [OwnTask("a", "C:/x=1", image_size=9)])

    @parameterized.parameters(
        (["image_size=48"], "options behind the task they belong to"),
        (["digits", "image_size=48"], "options behind the task they belong to"),
        (["birds:folder"], "a value for every option"),
        (["birds:"], "a value for every option"),
        (["birds:folder="], "a value for `folder` of 'birds'"),
        (["birds:npz=/a", "size=48"], "options of folder, npz, image_size"),
        (["birds:npz=/a", "pad=1", "pad=2"], "give `pad` of 'birds' once"),
        (["birds:npz=/a", "npz=/b"], "give `npz` of 'birds' once"),
        (["birds:npz=/a", "pad=x"], "an integer for `pad`"),
        (["birds:npz=/a", "flip=maybe"], "true or false for `flip`"),
        (["birds:npz=/a", "test_share=x"], "a number for `test_share`"),
        (["birds:npz=/a", "test_share=0.9"], "valid for 'birds': `test_share` must"),
        (["birds:folder=/a"], "valid for 'birds': `image_size` must be given"),
        (["birds:image_size=8"], "valid for 'birds': `folder` or `npz` must be given"),
        (["Birds:npz=/a"], "valid for 'Birds': `name` must be lower-case"),
        (["birds:npz=/a", "birds:npz=/b"], "each once.*birds,birds"),
        (["digits", "digits"], "each once.*digits,digits"),
        (["cifar10:npz=/a"], "other than the known ones"),
        ([], "at least one task"),
    )
    def test_other_values_are_refused(self, items, fault):
        with self.assertRaisesRegex(ValueError, f"^`--tasks` must .*{fault}.*") as caught:
            parse_tasks(items)
        self.assertIn("Received: ", str(caught.exception))
        with self.assertRaisesRegex(flags.IllegalFlagValueError, "`--tasks` must"):
            with flagsaver.flagsaver(tasks=items):
                pass

    def test_quotes_keep_the_commas_of_a_path(self):
        text = 'digits,"birds:folder=/a, b",image_size=48,flip=false'
        items = flags.FLAGS["tasks"].parser.parse(text)
        expected = ["digits", OwnTask("birds", "/a, b", image_size=48, flip=False)]
        self.assertEqual(parse_tasks(items), expected)


class TasksFromItemsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def test_specs_come_in_the_order_of_the_items(self):
        write_classes(self.folder, {"one": 2, "two": 2})
        items = [f"mine:folder={self.folder}", "image_size=8", "digits"]
        mine, digits = tasks_from_items(items, "error")
        self.assertEqual((mine.name, mine.num_classes), ("mine", 2))
        self.assertIs(digits, pipelines.get_task("digits"))

    def test_missing_images_name_the_flag_and_the_task(self):
        items = ["mine:folder=/nowhere", "image_size=8"]
        fault = "^`--tasks` must be valid for 'mine': `folder` must .* Received: folder=/nowhere$"
        with self.assertRaisesRegex(pipelines.DataNotFoundError, fault):
            tasks_from_items(items, "error")

    def test_an_unknown_name_is_refused(self):
        with self.assertRaisesRegex(ValueError, "must be one of .*name='birds'"):
            tasks_from_items(["birds"], "error")

    def test_batch_sizes_go_by_name(self):
        file = self.folder / "mine.npz"
        np.savez(file, x_train=np.zeros((8, 8, 8), np.uint8), y_train=np.arange(8) % 2)
        with flagsaver.flagsaver(
            tasks=["digits", f"mine:npz={file}"], batch_size="digits=3,mine=5"
        ):
            sizes = data_flags.batch_sizes(data_flags.get_tasks())
        self.assertEqual(sizes, {"digits": 3, "mine": 5})


class CheckNetworkTasksTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 9}}
        self.network = DeepElasticNetwork(tasks, backbone="wrn-8-1")

    def test_other_classes_are_refused(self):
        with self.assertRaisesRegex(ValueError, "for 'digits' images .8, 8, 1. in 9 classes"):
            check_network_tasks(self.network, pipelines.get_tasks(["digits"]))

    def test_another_task_is_refused(self):
        with self.assertRaisesRegex(ValueError, "of digits, which the network was trained on"):
            check_network_tasks(self.network, pipelines.get_tasks(["mnist"]))

    def test_the_same_task_is_accepted(self):
        tasks = {"digits": {"image_shape": (8, 8, 1), "num_classes": 10}}
        network = DeepElasticNetwork(tasks, backbone="wrn-8-1")
        check_network_tasks(network, pipelines.get_tasks(["digits"]))


if __name__ == "__main__":
    tf.test.main()
