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
        ("vgg-14-32", 32, (32, 64, 128), 2),
    )
    def test_names_stand_for_shapes(self, name, stem, stages, blocks_per_stage):
        backbone = parse_backbone(name)
        self.assertEqual(backbone.stem_filters, stem)
        self.assertEqual(backbone.stage_filters, stages)
        self.assertEqual(backbone.blocks_per_stage, blocks_per_stage)
        self.assertEqual(backbone.residual, not name.startswith("vgg"))

    def test_later_stages_enter_with_stride_2(self):
        self.assertEqual(
            parse_backbone("wrn-14-1").blocks,
            [(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)],
        )

    @parameterized.parameters(
        "wrn-32", "wrn-31-4", "wrn-2-4", "wrn-32-0", "resnet-18x", "dense-3", 7
    )
    def test_other_names_are_refused(self, name):
        with self.assertRaisesRegex(ValueError, f"`backbone` .* Received: backbone={name}"):
            parse_backbone(name)
