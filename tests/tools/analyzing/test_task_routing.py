import numpy as np
import tensorflow as tf

from tests.tools.analyzing.planted import planted_routing


class TaskRoutingTest(tf.test.TestCase):
    def test_pictures_come_in_the_order_asked_for(self):
        pictures = planted_routing().pictures([19, 0, 7])
        self.assertEqual([int(picture[0, 0, 0]) for picture in pictures], [19, 0, 7])
        self.assertEqual(pictures[0].shape, (6, 5, 3))

    def test_its_length_is_the_number_of_images(self):
        self.assertLen(planted_routing(), 20)
        self.assertEqual(np.sum(planted_routing().chosen.counts), 20)


if __name__ == "__main__":
    tf.test.main()
