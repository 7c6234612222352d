import tensorflow as tf
from absl import flags
from absl.testing import flagsaver, parameterized
from elastic_tf_tools import data_flags

import pipelines

# Of all training images; none is held out below.
_DIGITS, _CLOTHES = 1197, 8000


def setUpModule():
    # Not a command line: other modules of the process may have flags that must be given.
    flags.FLAGS.mark_as_parsed()


def _sizes(**values):
    specs = pipelines.get_tasks(["digits", "fashion_mnist_small"])
    with flagsaver.flagsaver(validation_share=0.0, **values):
        return data_flags.batch_sizes(specs)


class BatchSizesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("32", 32, 32),
        ("digits=4,fashion_mnist_small=9", 4, 9),
    )
    def test_sizes_without_weights(self, batch_size, digits, clothes):
        expected = {"digits": digits, "fashion_mnist_small": clothes}
        self.assertEqual(_sizes(batch_size=batch_size), expected)

    @parameterized.parameters(
        ("digits=1,fashion_mnist_small=3", 0.25),
        ("proportional", _DIGITS / (_DIGITS + _CLOTHES)),
        ("sqrt", _DIGITS**0.5 / (_DIGITS**0.5 + _CLOTHES**0.5)),
        ("equal", 0.5),
    )
    def test_weights_divide_the_images_of_a_step(self, task_weights, share):
        sizes = _sizes(batch_size="100", task_weights=task_weights)
        self.assertEqual(sum(sizes.values()), 200)
        self.assertEqual(sizes["digits"], round(200 * share))


if __name__ == "__main__":
    tf.test.main()
