import dataclasses

import tensorflow as tf
from absl.testing import parameterized

from tests.pipelines.numbered_source import NumberedSource, numbered_task


class TaskSpecTest(tf.test.TestCase, parameterized.TestCase):
    def test_image_shape_is_square_with_channels(self):
        spec = dataclasses.replace(numbered_task(), image_size=12, channels=3)
        self.assertEqual(spec.image_shape, (12, 12, 3))

    def test_no_field_can_be_assigned(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            numbered_task().pad = 1

    @parameterized.parameters(
        ("name", ""),
        ("name", "Digits"),
        ("name", "a=b"),
        ("name", "a,b"),
        ("name", 3),
        ("image_size", 0),
        ("image_size", 8.0),
        ("image_size", True),
        ("channels", 0),
        ("num_classes", 1),
        ("source", None),
        ("source", "digits"),
        ("flip", 1),
        ("pad", -1),
        ("pad", 4),
        ("pad", 0.5),
        ("description", " "),
        ("description", None),
    )
    def test_bad_value_is_refused_by_name(self, argument, value):
        with self.assertRaisesRegex(ValueError, f"`{argument}` must .* Received: {argument}="):
            dataclasses.replace(numbered_task(), **{argument: value})

    def test_message_is_one_line(self):
        with self.assertRaises(ValueError) as caught:
            dataclasses.replace(numbered_task(), image_size=-5)
        self.assertEqual(
            str(caught.exception),
            "`image_size` must be an integer >= 1. Received: image_size=-5",
        )

    def test_largest_pad_is_one_less_than_the_image(self):
        self.assertEqual(dataclasses.replace(numbered_task(), pad=3).pad, 3)

    def test_anything_that_loads_is_a_source(self):
        source = NumberedSource(4, 2)
        self.assertIs(dataclasses.replace(numbered_task(), source=source).source, source)
