import tensorflow as tf
from absl.testing import parameterized
from elastic_tf_tools.tuning.distribution import find_role


def _variables(name="worker0", ip="127.0.0.1", port="8000"):
    values = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": ip,
        "KERASTUNER_ORACLE_PORT": port,
    }
    return {key: value for key, value in values.items() if value is not None}


class DistributionTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ({"HOME": "/"}, "alone"), (_variables(), "worker"), (_variables("chief"), "chief")
    )
    def test_role(self, environment, role):
        self.assertEqual(find_role(environment), role)

    @parameterized.parameters(
        (_variables(name=None), "KERASTUNER_TUNER_ID=None"),
        (_variables(port=None), "KERASTUNER_ORACLE_PORT=None"),
        (_variables(port="http"), "must be a port, 1 to 65535. Received: http"),
        (_variables(port="70000"), "Received: 70000"),
    )
    def test_refuses(self, environment, message):
        with self.assertRaisesRegex(ValueError, message):
            find_role(environment)


if __name__ == "__main__":
    tf.test.main()
