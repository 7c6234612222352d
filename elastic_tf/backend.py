"""What this package needs of Keras, checked when it is imported: its layers are TensorFlow's."""

import os

# Before Keras is imported, which fails by itself where another backend is not installed.
_ASKED_FOR = os.environ.get("KERAS_BACKEND") or "tensorflow"
if _ASKED_FOR != "tensorflow":
    raise ImportError(
        "KERAS_BACKEND must be 'tensorflow', which elastic_tf is written for. "
        f"Received: KERAS_BACKEND={_ASKED_FOR}"
    )

import keras  # noqa: E402

for _name, _expected, _received in (
    ("backend", "tensorflow", keras.config.backend()),
    ("image_data_format", "channels_last", keras.config.image_data_format()),
):
    if _received != _expected:
        raise ImportError(
            f"`{_name}` of Keras must be '{_expected}', which elastic_tf is written for; see "
            f"keras.json. Received: {_name}={_received}"
        )
