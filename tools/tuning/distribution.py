"""Which part this process has in a search by several: as KerasTuner's variables say.

Reference: keras.io/keras_tuner/guides/distributed_tuning.
"""

ALONE, CHIEF, WORKER = "alone", "chief", "worker"
_ID, _IP, _PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


def find_role(environment):
    """Returns `ALONE`, `CHIEF` or `WORKER`.

    Args:
        environment: dict of the variables.

    Raises:
        ValueError: if only some of the variables are set, or not to what they must be.
    """
    found = {name: environment.get(name) for name in (_ID, _IP, _PORT)}
    if not any(found.values()):
        return ALONE
    if not all(found.values()):
        raise ValueError(
            f"Environment variables {', '.join(found)} must be set together, or none of them. "
            f"Received: {', '.join(f'{name}={value}' for name, value in found.items())}"
        )
    if not found[_PORT].isdecimal() or not 0 < int(found[_PORT]) < 65536:
        raise ValueError(
            f"Environment variable {_PORT} must be a port, 1 to 65535. Received: {found[_PORT]}"
        )
    return CHIEF if "chief" in found[_ID] else WORKER
