import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing
from tools.analyzing.model_groups import model_groups
from tools.analyzing.report_content import agreement_rows, group_line, shared_rows


class ReportContentTest(tf.test.TestCase):
    def test_a_line_says_what_the_images_of_a_model_have_in_common(self):
        routing = planted_routing()
        groups = model_groups([routing], 2)["planted"]
        lines = [group_line(group, routing.class_names) for group in groups]
        self.assertEqual(
            lines[1], "Model 2-0. class 0: 100 % of its images, 4.0 times the task's share."
        )
        self.assertStartsWith(lines[0], "Model 1-1. class 1: 67 % of its images, 1.7 times")
        self.assertIn("; class 2: 33 % of its images, 1.7 times", lines[0])

    def test_shared_models_have_a_share_of_every_task(self):
        routings = [
            planted_routing("a", per_class=(10, 3, 3, 4)),
            planted_routing("b", per_class=(0, 0, 0, 2)),
        ]
        self.assertEqual(shared_rows(routings, 5), [{"model": "0-2", "shares": [20.0, 100.0]}])
        self.assertEqual(shared_rows(routings[:1], 5), [])

    def test_agreement_is_in_percent(self):
        of = {"overlap": 0.25, "level_overlap": [0.5, 1.0], "divergence": 0.1, "shared_models": 3}
        (row,) = agreement_rows({("a", "b"): of})
        self.assertEqual(row["tasks"], "a and b")
        self.assertAllClose([row["overlap"], row["level_overlap"]], [25, 75])


if __name__ == "__main__":
    tf.test.main()
