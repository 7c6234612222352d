"""What of our streams tf.data's service can carry: batches made by a process of its own."""

import pathlib
import subprocess
import sys
import tempfile

import pytest
import tensorflow as tf

from pipelines import DataSettings
from tests.pipelines.own_images import write_classes

# It knows nothing of the product: what it runs comes with the stream.
SERVER = """
import tensorflow as tf
service = tf.data.experimental.service
dispatcher = service.DispatchServer()
address = dispatcher.target.split("://")[1]
worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
print(dispatcher.target, flush=True)
worker.join()
"""


@pytest.mark.slow
class DataServiceTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.images = write_classes(folder / "images", {"one": 20, "two": 20})
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        cls.addClassCleanup(server.stdout.close)
        cls.address = server.stdout.readline().strip()

    def _batches(self, start_step, by_service, **values):
        """Returns the next four batches of a training, as made here or by the service."""
        settings = DataSettings(
            tasks=(f"mine:folder={self.images}", "image_size=8"), batch_size=8, **values
        )
        stream = settings.training_batches(settings.task_specs(), seed=1, start_step=start_step)
        if by_service:
            service = tf.data.experimental.service
            stream = stream.apply(service.distribute(service.ShardingPolicy.OFF, self.address))
        return [batch["mine"] for batch in stream.take(4)]

    def test_decoded_images_come_in_the_same_order_from_any_step(self):
        for start_step in (0, 7):
            here, there = (self._batches(start_step, by_service) for by_service in (False, True))
            for (images, labels), (their_images, their_labels) in zip(here, there, strict=True):
                self.assertAllEqual(images, their_images)
                self.assertAllEqual(labels, their_labels)

    def test_images_that_python_reads_as_needed_do_not(self):
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "Could not find callback"):
            self._batches(0, True, decode="as_needed")


if __name__ == "__main__":
    tf.test.main()
