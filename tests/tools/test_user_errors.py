import contextlib
import io

import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.user_errors import check_no_arguments, one_line_errors


class UserErrorsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(ValueError, FileNotFoundError, FileExistsError)
    def test_bad_input_is_one_line_and_status_2(self, kind):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), self.assertRaises(SystemExit) as caught:
            with one_line_errors():
                raise kind("`rho` must be above 0. Received: rho=-1")
        self.assertEqual(caught.exception.code, 2)
        self.assertEqual(stream.getvalue(), "error: `rho` must be above 0. Received: rho=-1\n")

    def test_faults_of_ours_are_not_hidden(self):
        with self.assertRaises(KeyError), one_line_errors():
            raise KeyError("a bug")

    def test_flags_alone_are_fine(self):
        check_no_arguments(["train"])

    def test_anything_but_flags_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"must be flags.* Received: \['rho=5'\]"):
            check_no_arguments(["train", "rho=5"])


if __name__ == "__main__":
    tf.test.main()
