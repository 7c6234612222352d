"""Tests of the order of training."""

from absl.testing import parameterized

from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR, StageSchedule
from tests import testing


class StageScheduleTest(testing.TestCase):
    @parameterized.parameters(
        (0, INITIAL, 0, 0),
        (2, INITIAL, 0, 2),
        (3, SELECTOR, 0, 0),
        (4, SELECTOR, 0, 1),
        (5, ESTIMATOR, 0, 0),
        (8, ESTIMATOR, 0, 3),
        (9, SELECTOR, 1, 0),
        (10, SELECTOR, 1, 1),
        (11, SELECTOR, 1, 2),
        (40, SELECTOR, 1, 31),
    )
    def test_every_step_has_its_stage(self, step, kind, index, step_in_stage):
        schedule = StageSchedule(3, rounds=2, selector_steps=2, estimator_steps=4)
        self.assertEqual(tuple(map(int, schedule(step))), (kind, index, step_in_stage))

    def test_total_steps_leave_out_the_last_estimator_stage(self):
        self.assertEqual(StageSchedule(3, 2, 2, 4).total_steps, 3 + 2 * 2 + 1 * 4)

    def test_no_rounds_is_the_initial_stage_alone(self):
        schedule = StageSchedule(3, rounds=0)
        self.assertEqual(schedule.total_steps, 3)
        self.assertEqual(int(schedule(7).kind), INITIAL)
