"""Tests of the names of trunks."""

from absl.testing import parameterized

from elastic_tf.models.backbones import parse_backbone
from tests import testing


class BackbonesTest(testing.TestCase):
    @parameterized.parameters(
        ("wrn-32-4", 16, (64, 128, 256), 5),
        ("wrn-16-2", 16, (32, 64, 128), 2),
        ("wrn-8-1", 16, (16, 32, 64), 1),
        ("resnet-42", 64, (64, 128, 256, 512), 5),
        ("resnet-10-8", 8, (8, 16, 32, 64), 1),
        ("bottleneck-26-8", 8, (32, 64, 128, 256), 2),
        ("mobile-11-4", 4, (4, 8, 16), 1),
        ("vgg-14-32", 32, (32, 64, 128), 2),
    )
    def test_names_stand_for_shapes(self, name, stem, stages, blocks_per_stage):
        backbone = parse_backbone(name)
        self.assertEqual(backbone.stem_filters, stem)
        self.assertEqual(backbone.stage_filters, stages)
        self.assertEqual(backbone.blocks_of_stages, (blocks_per_stage,) * len(stages))
        self.assertEqual(backbone.residual, not name.startswith("vgg"))

    def test_later_stages_enter_with_stride_2(self):
        self.assertEqual(
            [block[:2] for block in parse_backbone("wrn-14-1").blocks],
            [(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)],
        )

    def test_hidden_channels_and_what_may_be_skipped_are_the_kinds(self):
        blocks = parse_backbone("bottleneck-26-8").blocks
        self.assertEqual([block.hidden_filters for block in blocks[:3]], [8, 8, 16])
        blocks = parse_backbone("mobile-20-4").blocks
        self.assertEqual([block.hidden_filters for block in blocks], [24, 24, 24, 48, 48, 96])
        self.assertEqual(
            [block.skippable for block in blocks], [True, True, False, True] + [False, True]
        )

    def test_blocks_that_cannot_be_skipped_have_wider_levels(self):
        backbone = parse_backbone("mobile-11-4")
        skips, wider = (0.0, 0.25, 0.5, 1.0), (0.25, 0.5, 0.75, 1.0)
        self.assertEqual(backbone.block_ratios(), (skips, wider, wider))
        self.assertEqual(backbone.block_ratios((0.0, 1.0))[1], (0.5, 1.0))
        per_block = [skips, wider, wider]
        self.assertEqual(backbone.block_ratios(per_block), tuple(per_block))
        with self.assertRaisesRegex(ValueError, "`ratios` .*must start above 0"):
            backbone.block_ratios([skips] * 3)

    @parameterized.parameters(
        "wrn-32", "wrn-31-4", "wrn-2-4", "wrn-32-0", "resnet-18x", "dense-3", 7
    )
    def test_other_names_are_refused(self, name):
        with self.assertRaisesRegex(ValueError, f"`backbone` .* Received: backbone={name}"):
            parse_backbone(name)
