import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from elastic_tf_tools.exporting.image_batches import image_batches, image_paths
from PIL import Image

GREY = {"height": 4, "width": 4, "channels": 1, "fit": "crop"}


class ImageBatchesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

    def _save(self, name, value, shape=(4, 4)):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full(shape, value, np.uint8)).save(path)
        return path

    def test_folders_give_their_images_in_order(self):
        names = ["b.png", "a.png", "sub/c.PNG", ".hidden.png", ".trash/d.png"]
        paths = {name: self._save(name, 0) for name in names}
        (self.folder / "notes.txt").write_text("no image")
        self.assertEqual(
            image_paths([str(self.folder)]), [paths["a.png"], paths["b.png"], paths["sub/c.PNG"]]
        )

    def test_files_count_as_named(self):
        self.assertEqual(
            image_paths(["z.dat", "a.png"]), [pathlib.Path("z.dat"), pathlib.Path("a.png")]
        )

    def test_images_come_in_batches(self):
        paths = [self._save(f"{value}.png", value) for value in (10, 20, 30)]
        batches = list(image_batches(paths, GREY, "float32", 2))
        self.assertEqual([read for read, _, _ in batches], [paths[:2], paths[2:]])
        self.assertEqual(batches[0][1].dtype, np.float32)
        self.assertAllEqual(batches[0][1][:, 0, 0, 0], [10, 20])
        self.assertEqual(batches[1][1].shape, (1, 4, 4, 1))

    def test_bad_files_are_named_and_the_others_read(self):
        good = self._save("good.png", 5)
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no image")
        missing = self.folder / "missing.png"
        ((read, images, faults),) = image_batches([bad, good, missing], GREY, "uint8", 8)
        self.assertEqual(read, [good])
        self.assertAllEqual(images, np.full((1, 4, 4, 1), 5))
        self.assertEqual(list(faults), [bad, missing])
        self.assertIn("No such file", faults[missing])

    def test_a_batch_of_bad_files_is_empty(self):
        ((read, images, faults),) = image_batches([self.folder / "no.png"], GREY, "uint8", 8)
        self.assertEqual((read, images.shape, len(faults)), ([], (0, 4, 4, 1), 1))

    def test_images_are_fitted_as_the_task_says(self):
        wide = np.zeros((4, 8), np.uint8)
        wide[:, :2] = 255  # Cut away by "crop", kept by "stretch".
        path = self.folder / "wide.png"
        Image.fromarray(wide).save(path)
        for fit, bright in (("crop", False), ("stretch", True)):
            ((_, images, _),) = image_batches([path], GREY | {"fit": fit}, "uint8", 1)
            self.assertEqual(images[0, 0, 0, 0] > 128, bright)


if __name__ == "__main__":
    tf.test.main()
