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
            ("density", "instance", "proposed"),
        )
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
        ("entropy_weight", -1.0),
        ("exploration_weight", -1.0),
        ("samples_per_image", 1),
    )
    def test_bad_settings_are_named(self, name, value):
        with self.assertRaisesRegex(ValueError, f"`{name}` must be .* Received: {name}="):
            MethodSettings(**{name: value})

    def test_serialisation_round_trip(self):
        settings = MethodSettings(rho=3.0, l2={"a": 0.5})
        config = keras.saving.serialize_keras_object(settings)
        self.assertEqual(keras.saving.deserialize_keras_object(config), settings)


if __name__ == "__main__":
    tf.test.main()
