import tensorflow as tf
from absl.testing import parameterized

from tests.tools.analyzing.planted import MACS, planted_routing
from tools.analyzing.image_browser import browser_data, spread_over_cost

FULL_MACS = {"planted": 5000}


class ImageBrowserTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((2, 8), (100, 20))
    def test_every_class_has_its_images(self, per_class, total):
        routing = planted_routing()
        images = browser_data([routing], per_class, FULL_MACS)["planted"]["images"]
        self.assertLen(images, total)
        self.assertEqual({image["label"] for image in images}, {0, 1, 2, 3})

    def test_an_image_says_what_became_of_it(self):
        routing = planted_routing()
        data = browser_data([routing], 3, FULL_MACS)["planted"]
        self.assertEqual(data["classes"][2], "class 2")
        self.assertEqual(data["full_macs"], 5000)
        self.assertEqual((data["width"], data["height"]), (5, 6))
        for image in data["images"]:
            index, label = image["index"], image["label"]
            self.assertEqual(label, routing.routed.labels[index])
            self.assertEqual(image["answer"] == label, index % 2 == 0)
            self.assertAllClose(image["confidence"], 0.5 + index / 100)
            self.assertAllClose(image["macs"], MACS[label])
            self.assertEqual(image["model"], ["2-0", "1-1", "1-1", "0-2"][label])

    def test_the_cheapest_and_the_dearest_of_a_class_are_there(self):
        routing = planted_routing(per_class=(9, 0, 0, 0))
        routing.routed.macs_share[:] = [0.5, 0.1, 0.9, 0.4, 0.3, 0.2, 0.6, 0.7, 0.8]
        self.assertEqual(spread_over_cost(routing, 0, 3), [1, 0, 2])


if __name__ == "__main__":
    tf.test.main()
