"""Seeds of the random streams of a task."""

import zlib


def stream_seed(seed, task, purpose):
    """Returns a seed for one purpose of one task, an int in [0, 2**31).

    Tasks with the same base seed get different streams, or they would be shuffled alike.

    Args:
        seed: int >= 0, the base seed of a run.
        task: str.
        purpose: str, such as `"shuffle"`.

    Raises:
        ValueError: if `seed` is no integer >= 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"`seed` must be an integer >= 0. Received: {seed=}")
    # Not `hash`: Python salts it anew in every process. TensorFlow's seeds have 31 bits.
    return zlib.crc32(f"{seed}/{task}/{purpose}".encode()) & 0x7FFFFFFF
