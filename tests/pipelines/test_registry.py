from unittest import mock

import tensorflow as tf
from absl.testing import parameterized

from pipelines import registry
from tests.pipelines.numbered_source import numbered_task


class RegistryTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        # What a test registers must not be known to the others.
        self.enter_context(mock.patch.dict(registry._TASKS))

    def test_registered_task_is_found_by_its_name(self):
        spec = numbered_task("one_more")
        registry.register_task(spec)
        self.assertIs(registry.get_task("one_more"), spec)

    def test_names_are_sorted_and_hold_the_new_one(self):
        registry.register_task(numbered_task("aaa"))
        names = registry.task_names()
        self.assertEqual(names[0], "aaa")
        self.assertEqual(names, sorted(names))

    def test_taken_name_is_refused(self):
        registry.register_task(numbered_task("twice"))
        with self.assertRaisesRegex(ValueError, "`spec` must .* Received: name='twice'"):
            registry.register_task(numbered_task("twice"))

    def test_taken_name_keeps_its_task(self):
        before = registry.get_task("digits")
        with self.assertRaises(ValueError):
            registry.register_task(numbered_task("digits"))
        self.assertIs(registry.get_task("digits"), before)

    def test_only_specs_are_registered(self):
        with self.assertRaisesRegex(TypeError, "`spec` must be a TaskSpec. Received: spec="):
            registry.register_task("digits")

    def test_unknown_name_lists_the_known_ones(self):
        known = ", ".join(registry.task_names())
        with self.assertRaisesRegex(ValueError, f"one of {known}. Received: name='digit'"):
            registry.get_task("digit")

    def test_tasks_keep_the_order_asked_for(self):
        specs = registry.get_tasks(["mnist", "cifar10", "digits"])
        self.assertEqual([spec.name for spec in specs], ["mnist", "cifar10", "digits"])

    def test_one_name_may_stand_alone(self):
        self.assertEqual([spec.name for spec in registry.get_tasks("digits")], ["digits"])

    @parameterized.parameters(([],), (["digits", "mnist", "digits"],))
    def test_none_or_repeated_names_are_refused(self, names):
        with self.assertRaisesRegex(ValueError, "`names` must .* Received: names="):
            registry.get_tasks(names)
