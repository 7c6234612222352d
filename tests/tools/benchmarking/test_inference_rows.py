import numpy as np
import tensorflow as tf
from elastic_tf_tools.benchmarking.inference_rows import inference_rows
from elastic_tf_tools.benchmarking.interleaved_timer import InterleavedTimer

from tests.tools.benchmarking.small_subjects import NoTimer, small_subject

BATCH = 4


class InferenceRowsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = small_subject(is_trained=True)
        rows = inference_rows(cls.subject, BATCH, InterleavedTimer(0, min_rounds=2, warmups=1))
        cls.rows = {row.name: row for row in rows}

    def share(self, levels, extra=0):
        """Returns the mean MACs of level vectors over the full model's, summed block by block."""
        table = self.subject.network.cost_table("colour")
        macs = [
            table.fixed_macs + extra + sum(table.block_macs[b][k] for b, k in enumerate(model))
            for model in np.asarray(levels)
        ]
        full = table.fixed_macs + sum(block[-1] for block in table.block_macs)
        return np.mean(macs) / full

    def test_every_candidate_has_a_row_and_dense_is_first(self):
        names = ["dense", "plain_level_1", "plain_level_0", "masked"]
        names += ["elastic_training_path_random"] + [f"elastic_level_{k}" for k in range(3)]
        names += ["elastic_random", "dense_frozen", "elastic_selected", "selector"]
        # On a GPU there is one row more.
        self.assertEqual([name for name in self.rows if name != "dense_jit"], names)
        for row in self.rows.values():
            self.assertEqual((row.batch_size, row.seconds.shape), (BATCH, (2,)))
            self.assertAllGreater(row.seconds, 0)
            self.assertAllEqual(row.reference, self.rows["dense"].seconds)

    def test_the_selectors_choice_needs_a_trained_one(self):
        rows = inference_rows(small_subject(is_trained=False), BATCH, NoTimer())
        self.assertEqual(set(self.rows) - {row.name for row in rows}, {"elastic_selected"})

    def test_shares_of_fixed_levels(self):
        for level in range(3):
            expected = self.share([[level] * 3])
            self.assertAllClose(self.rows[f"elastic_level_{level}"].macs_share, expected)
            plain = "dense" if level == 2 else f"plain_level_{level}"
            self.assertAllClose(self.rows[plain].macs_share, expected)
        self.assertEqual(self.rows["dense"].macs_share, 1.0)
        self.assertEqual(self.rows["masked"].macs_share, 1.0)

    def test_shares_of_random_levels(self):
        expected = self.share(self.subject.random_levels(BATCH))
        self.assertAllClose(self.rows["elastic_random"].macs_share, expected)
        self.assertAllClose(self.rows["elastic_training_path_random"].macs_share, expected)

    def test_the_selectors_share_counts_with_its_choice(self):
        network = self.subject.network
        images, _ = self.subject.batch(BATCH)
        levels = network.select_levels(images, "colour")
        macs = network.selector.macs("colour")
        self.assertAllClose(self.rows["elastic_selected"].macs_share, self.share(levels, macs))
        full = network.cost_table("colour").full_macs
        self.assertAllClose(self.rows["selector"].macs_share, macs / full)


if __name__ == "__main__":
    tf.test.main()
