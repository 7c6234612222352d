import subprocess
import sys

import tensorflow as tf
from absl.testing import parameterized

_COMMAND = """
from absl import app, logging
from elastic_tf_tools.quiet_logs import quiet_logs

def main(argv):
    quiet_logs()
    logging.info("a file was opened")
    logging.warning("an image was left out")

app.run(main)
"""


class QuietLogsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(([], False), (["--verbosity=0"], True))
    def test_warnings_come_through_and_on_request_the_rest(self, arguments, is_told):
        command = [sys.executable, "-c", _COMMAND, *arguments]
        # A process of its own: what is asked of the command line is what was on it.
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        self.assertIn("an image was left out", printed)
        self.assertEqual("a file was opened" in printed, is_told)


if __name__ == "__main__":
    tf.test.main()
