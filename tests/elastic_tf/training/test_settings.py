import keras
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.settings import MethodSettings


class MethodSettingsTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_papers_settings_have_no_departures(self):
        paper = MethodSettings.paper()
        self.assertEqual(
            (paper.baseline, paper.samples_per_image, paper.entropy_weight, paper.initial_mix),
            ("none", 1, 0.0, 0.0),
        )
        self.assertEqual(paper.exploration_weight, 0.0)
        self.assertEqual(
            (paper.cost, paper.credit, paper.initial_distribution),
            ("density", "batch", "proposed"),
        )
        self.assertEqual(
            (paper.selector_gradient, paper.estimator_choice, paper.distillation_weight),
            ("reinforce", "greedy", 0.0),
        )
        self.assertIsNone(paper.target_macs)
        self.assertEqual((paper.rho, paper.full_share, paper.epsilon_decay), (10.0, 0.75, 0.99))

    def test_l2_may_be_per_task(self):
        settings = MethodSettings(l2={"a": 1e-4, "b": 5e-5})
        self.assertEqual([settings.l2_of(task) for task in "abc"], [1e-4, 5e-5, 0.0])
        self.assertEqual(MethodSettings(l2=0.1).l2_of("a"), 0.1)

    @parameterized.parameters(
        ("rho", 0.0),
        ("l2", -1.0),
        ("cost", "time"),
        ("credit", "all"),
        ("baseline", "mean"),
        ("initial_distribution", "normal"),
        ("full_share", 2.0),
        ("initial_mix", -0.1),
        ("priced_mix", 1.1),
        ("loss_weight", 0.0),
        ("loss_weight", {"a": -1.0}),
        ("entropy_weight", -1.0),
        ("exploration_weight", -1.0),
        ("samples_per_image", 1),
        ("estimator_choice", "best"),
        ("selector_gradient", "evolution"),
        ("target_scope", "some"),
        ("distillation_weight", 1.5),
        ("cost_exponent", 0.5),
        ("guess_weight", -0.1),
        ("temperature", 0.0),
        ("target_macs", 0.0),
        ("target_macs", {"a": 0.5, "b": 1.5}),
    )
    def test_bad_settings_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must be .* Received: {name}="):
            MethodSettings(**{name: value})

    def test_a_target_may_be_per_task(self):
        settings = MethodSettings(target_macs={"a": 0.4})
        self.assertEqual([settings.target_macs_of(task) for task in "ab"], [0.4, None])
        self.assertEqual(MethodSettings(target_macs=0.3).target_macs_of("a"), 0.3)
        self.assertIsNone(MethodSettings().target_macs_of("a"))

    def test_a_mean_over_tasks_has_one_target(self):
        with self.assertRaisesRegex(ValueError, "`target_macs` must be one number"):
            MethodSettings(target_macs={"a": 0.4}, target_scope="all")

    def test_minimum_risk_compares_models(self):
        with self.assertRaisesRegex(ValueError, "`samples_per_image` must be an integer >= 2"):
            MethodSettings(selector_gradient="minimum_risk", baseline="none", samples_per_image=1)

    def test_one_sample_is_enough_without_the_others_as_baseline(self):
        self.assertEqual(
            MethodSettings(selector_gradient="gumbel", samples_per_image=1).samples_per_image, 1
        )

    def test_the_paper_can_be_changed_in_single_points(self):
        changed = MethodSettings.paper(credit="instance")
        self.assertEqual((changed.credit, changed.baseline), ("instance", "none"))

    def test_serialisation_round_trip(self):
        settings = MethodSettings(rho=3.0, l2={"a": 0.5})
        config = keras.saving.serialize_keras_object(settings)
        self.assertEqual(keras.saving.deserialize_keras_object(config), settings)


if __name__ == "__main__":
    tf.test.main()
