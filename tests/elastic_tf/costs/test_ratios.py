"""Tests of the ratios of levels."""

from absl.testing import parameterized

from elastic_tf.costs import ratios
from tests import testing


class RatiosTest(testing.TestCase):
    @parameterized.parameters(
        (2, True, (0.0, 1.0)),
        (3, True, (0.0, 0.5, 1.0)),
        (4, True, (0.0, 0.25, 0.5, 1.0)),
        (5, True, (0.0, 0.125, 0.25, 0.5, 1.0)),
        (2, False, (0.5, 1.0)),
        (4, False, (0.125, 0.25, 0.5, 1.0)),
    )
    def test_default_ratios_halve(self, num_levels, residual, expected):
        self.assertEqual(ratios.default_ratios(num_levels, residual), expected)

    @parameterized.parameters(1, 0, 2.5, "4")
    def test_default_ratios_refuse_too_few_levels(self, num_levels):
        with self.assertRaisesRegex(ValueError, "`num_levels` must be .* Received: num_levels="):
            ratios.default_ratios(num_levels)

    @parameterized.parameters(
        ((0.0, 0.5, 0.25, 1.0), "increasing"),
        ((0.0, 0.5, 0.5, 1.0), "increasing"),
        ((0.0, 0.5), "end with 1.0"),
        ((0.25, 1.0), "start with 0.0"),
        ((0.0, 1.0), "start above 0.0", False),
        ((1.0,), "at least two"),
        (("a", 1.0), "numbers"),
        (3, "numbers"),
        ([(0.0, 1.0)], "must hold 2 lists"),
        ([(0.0, 1.0), (0.0, 0.5, 1.0)], "same number of levels"),
    )
    def test_faults_are_named(self, values, fault, residual=True):
        with self.assertRaisesRegex(ValueError, f"`ratios`.*{fault}.*Received: "):
            ratios.validate_block_ratios(values, 2, residual)

    def test_one_list_serves_every_block_and_lists_per_block_are_kept(self):
        self.assertEqual(ratios.validate_block_ratios([0, 1], 3), ((0.0, 1.0),) * 3)
        per_block = [(0.0, 0.5, 1.0), (0.0, 0.25, 1.0)]
        self.assertEqual(ratios.validate_block_ratios(per_block, 2), tuple(per_block))

    def test_channels_are_rounded_and_at_least_one_above_zero(self):
        self.assertEqual(ratios.channels_per_level(10, (0.0, 0.01, 0.34, 1.0)), (0, 1, 3, 10))
