"""Tests of the checks of tasks."""

from absl.testing import parameterized

from elastic_tf.models.tasks import check_task, validate_tasks
from tests import testing
from tests.testing import TASKS


class TasksTest(testing.TestCase):
    def test_lists_from_json_become_tuples(self):
        tasks = {"a": {"image_shape": [8, 8, 1], "num_classes": 3}}
        self.assertEqual(validate_tasks(tasks)["a"]["image_shape"], (8, 8, 1))

    @parameterized.parameters(
        ({}, "at least one task"),
        ([], "at least one task"),
        ({"a b": TASKS["grey"]}, "Names in `tasks`"),
        ({"a": {"image_shape": (8, 8, 1)}}, "keys 'image_shape' and 'num_classes'"),
        ({"a": {"image_shape": (8, 8), "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": (8, 0, 1), "num_classes": 3}}, "three integers"),
        ({"a": {"image_shape": (8, 8, 1), "num_classes": 1}}, "integer >= 2"),
    )
    def test_faults_are_named(self, tasks, fault):
        with self.assertRaisesRegex(ValueError, fault):
            validate_tasks(tasks)

    def test_an_unknown_task_is_named(self):
        with self.assertRaisesRegex(ValueError, "`task` must be one of .*grey.*Received: task=b"):
            check_task("b", TASKS)
