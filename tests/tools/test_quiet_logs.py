import tensorflow as tf
from absl import flags, logging
from absl.testing import flagsaver

from tools.quiet_logs import quiet_logs


def setUpModule():
    flags.FLAGS.mark_as_parsed()


class QuietLogsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(logging.set_verbosity, logging.get_verbosity())

    def test_only_warnings_come_through(self):
        logging.set_verbosity(logging.INFO)
        with flagsaver.flagsaver():
            flags.FLAGS["verbosity"].using_default_value = True
            quiet_logs()
            self.assertFalse(logging.level_info())
            self.assertTrue(logging.level_warning())

    def test_the_flag_has_the_last_word(self):
        with flagsaver.flagsaver(verbosity=logging.INFO):
            flags.FLAGS["verbosity"].using_default_value = False
            quiet_logs()
            self.assertTrue(logging.level_info())


if __name__ == "__main__":
    tf.test.main()
