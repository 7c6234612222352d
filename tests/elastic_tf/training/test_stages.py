import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.stages import ESTIMATOR, INITIAL, SELECTOR, StageSchedule


class StageScheduleTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.init_kwargs = {
            "initial_steps": 3,
            "rounds": 2,
            "selector_steps": 2,
            "estimator_steps": 4,
        }
        self.schedule = StageSchedule(**self.init_kwargs)

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
        stage = self.schedule(step)
        self.assertEqual(tuple(map(int, stage)), (kind, index, step_in_stage))

    def test_total_steps_leave_out_the_last_estimator_stage(self):
        self.assertEqual(self.schedule.total_steps, 3 + 2 * 2 + 1 * 4)

    def test_defaults_are_the_papers(self):
        self.assertEqual(StageSchedule().total_steps, 78_200 + 10 * 4_693 + 9 * 15_642)

    def test_no_rounds_is_the_initial_stage_alone(self):
        schedule = StageSchedule(3, rounds=0)
        self.assertEqual(schedule.total_steps, 3)
        self.assertEqual(int(schedule(7).kind), INITIAL)

    @parameterized.parameters(
        ("initial_steps", -1), ("rounds", -1), ("selector_steps", 0), ("estimator_steps", 1.5)
    )
    def test_bad_arguments_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must be .* Received: {name}={value}"):
            StageSchedule(**(self.init_kwargs | {name: value}))

    def test_config_round_trip(self):
        self.assertEqual(self.schedule.get_config(), self.init_kwargs)


if __name__ == "__main__":
    tf.test.main()
