import base64
import io

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from tools.analyzing.image_sheet import data_uri, image_sheet


class ImageSheetTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_picture_is_at_its_place(self):
        pictures = [np.full((2, 3, 1), number, np.uint8) for number in (1, 2, 3)]
        sheet = image_sheet(pictures, columns=2)
        expected = [[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 0, 0, 0]] * 2
        self.assertAllEqual(sheet[..., 0], expected)

    @parameterized.parameters(1, 3)
    def test_the_address_holds_the_very_pixels(self, channels):
        image = np.random.default_rng(0).integers(0, 256, (4, 6, channels), np.uint8)
        kind, content = data_uri(image).split(",")
        self.assertEqual(kind, "data:image/png;base64")
        found = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        self.assertAllEqual(found.reshape(image.shape), image)


if __name__ == "__main__":
    tf.test.main()
