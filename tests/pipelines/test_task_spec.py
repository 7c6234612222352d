import dataclasses
import os
from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines import check_network_tasks, get_task, network_tasks
from tests.pipelines.numbered_source import NumberedSource, numbered_task


class TaskSpecTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("name", ""),
        ("name", "Digits"),
        ("name", "a=b"),
        ("name", "a,b"),
        ("name", 3),
        ("image_size", 0),
        ("image_size", 8.0),
        ("image_size", True),
        ("image_size", (8, 0)),
        ("image_size", (8,)),
        ("augment", "zoom"),
        ("crop_area", 0),
        ("crop_area", 1.5),
        ("jitter", -0.1),
        ("jitter", float("nan")),
        ("channels", 0),
        ("num_classes", 1),
        ("source", "digits"),
        ("flip", 1),
        ("pad", -1),
        ("pad", 4),
        ("pad", 0.5),
        ("description", " "),
        ("description", None),
        ("classes", ("one",)),
    )
    def test_bad_value_is_refused_by_name(self, argument, value):
        with self.assertRaisesRegex(ValueError, f"`{argument}` must .* Received: {argument}="):
            dataclasses.replace(numbered_task(), **{argument: value})

    def test_images_need_not_be_square(self):
        spec = dataclasses.replace(numbered_task(), image_size=[4, 6], pad=3)
        self.assertEqual((spec.image_size, spec.image_shape), ((4, 6), (4, 6, 1)))
        with self.assertRaisesRegex(ValueError, "`pad` must be below image_size=.4, 6.. Received"):
            dataclasses.replace(spec, pad=4)

    @parameterized.parameters({"channels": 3}, {"image_size": 5})
    def test_source_of_other_images_is_refused(self, **changed):
        spec = dataclasses.replace(numbered_task(), **changed)
        with self.assertRaisesRegex(ValueError, "`source` of 'numbered' must .* Received: "):
            spec.load("train")

    def test_source_of_no_or_an_unknown_number_of_images_is_refused(self):
        images = numbered_task().load("train")
        for dataset in (images.take(0), images.repeat(), images.filter(lambda *_: True)):
            source = mock.Mock()
            source.load.return_value = dataset
            spec = dataclasses.replace(numbered_task(), source=source)
            with self.assertRaisesRegex(ValueError, "`source` .* a known number of them. Received"):
                spec.load("train")


class _NamedSource(NumberedSource):
    def class_names(self, data_dir=None):
        return [f"even of {data_dir}", "odd"]


class ClassNamesTest(tf.test.TestCase):
    def test_names_come_from_the_task_or_the_source_or_are_numbers(self):
        spec = numbered_task()
        self.assertEqual(spec.class_names(), ["0", "1"])
        spec = dataclasses.replace(spec, source=_NamedSource(20, 7))
        self.assertEqual(spec.class_names("here"), ["even of here", "odd"])
        spec = dataclasses.replace(spec, classes=("a", "b"))
        self.assertEqual(spec.class_names(), ["a", "b"])

    def test_of_a_name_that_is_no_text_the_bytes_are_written_out(self):
        spec = dataclasses.replace(numbered_task(), classes=("a", os.fsdecode(b"\xff\xfe")))
        self.assertEqual(spec.class_names(), ["a", r"\udcff\udcfe"])

    def test_another_number_of_names_is_refused(self):
        spec = dataclasses.replace(numbered_task(), source=_NamedSource(20, 7), num_classes=3)
        with self.assertRaisesRegex(ValueError, "3 class names. Received: 2"):
            spec.class_names()


class NetworkTasksTest(tf.test.TestCase):
    def test_a_network_knows_shapes_and_classes(self):
        found = network_tasks([get_task("cifar10"), get_task("digits")])
        self.assertEqual(list(found), ["cifar10", "digits"])
        self.assertEqual(found["cifar10"], {"image_shape": (32, 32, 3), "num_classes": 10})

    def test_the_tasks_of_the_training_are_accepted(self):
        # From JSON, shapes are lists.
        known = {"digits": {"image_shape": [8, 8, 1], "num_classes": 10}}
        check_network_tasks(known, [get_task("digits")])

    def test_others_are_refused(self):
        known = {"digits": {"image_shape": (8, 8, 1), "num_classes": 9}}
        with self.assertRaisesRegex(ValueError, "for 'digits' images .8, 8, 1. in 9 classes.* 10"):
            check_network_tasks(known, [get_task("digits")])
        with self.assertRaisesRegex(ValueError, "of digits, which the network was trained on.*mni"):
            check_network_tasks(known, [get_task("mnist")])
