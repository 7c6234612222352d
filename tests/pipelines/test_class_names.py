import dataclasses
from unittest import mock

import tensorflow as tf

import pipelines
from pipelines.class_names import class_names
from tests.pipelines.numbered_source import NumberedSource, numbered_task


class NamedSource(NumberedSource):
    names = ("even", "odd")

    def class_names(self, data_dir=None):
        return [f"{name} of {data_dir}" for name in self.names]


def named_task():
    return dataclasses.replace(numbered_task(), source=NamedSource(20, 7))


class ClassNamesTest(tf.test.TestCase):
    def test_names_come_from_the_source(self):
        self.assertEqual(class_names(named_task(), "here"), ["even of here", "odd of here"])

    def test_without_names_there_are_numbers(self):
        self.assertEqual(class_names(numbered_task()), ["0", "1"])

    def test_another_number_of_names_is_refused(self):
        with mock.patch.object(NamedSource, "names", ("even",)):
            with self.assertRaisesRegex(ValueError, "2 class names. Received: 1"):
                class_names(named_task())

    def test_embedded_tasks(self):
        self.assertEqual(class_names(pipelines.get_task("digits")), list("0123456789"))
        self.assertIn("Ankle boot", class_names(pipelines.get_task("fashion_mnist_small")))


if __name__ == "__main__":
    tf.test.main()
