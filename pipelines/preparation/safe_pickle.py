"""Unpickles Python's plain values and NumPy's byte arrays, and nothing else."""

import io
import math
import pickle

import numpy as np


class _Dtype:
    """Stands for `numpy.dtype`, of which only uint8 is known."""

    def __init__(self, code, *_):
        if code not in (b"u1", "u1", b"uint8", "uint8"):
            raise pickle.UnpicklingError(f"an array of {code!r}")

    def __setstate__(self, state):
        pass  # Byte order and alignment, which single bytes have not.


class PickledArray:
    """Stands for `numpy.ndarray`: its state is checked before an array is made of it.

    Attributes:
        array: uint8 array, read-only; `None` if the pickle gave no state.
    """

    array = None

    def __setstate__(self, state):
        _, shape, dtype, is_fortran, content = state
        sizes_are_valid = all(type(size) is int and size >= 0 for size in shape)
        if not isinstance(dtype, _Dtype) or is_fortran or not sizes_are_valid:
            raise pickle.UnpicklingError("an array that is not of bytes in C order")
        if not isinstance(content, bytes) or len(content) != math.prod(shape):
            raise pickle.UnpicklingError(f"an array of shape {shape} in {len(content)} bytes")
        self.array = np.frombuffer(content, np.uint8).reshape(shape)


def _reconstruct(kind, *_):
    if kind is not PickledArray:
        raise pickle.UnpicklingError("an array of an unknown kind")
    return PickledArray()


def _encode(text, encoding):
    # How Python 3 writes bytes for Python 2.
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"the encoding {encoding!r}")
    return text.encode("latin1")


_KNOWN = {
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): _Dtype,
    # Before and since NumPy 2.
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


# The implementation in C makes room for as many remembered values as a pickle claims to have.
class _Unpickler(pickle._Unpickler):
    def find_class(self, module, name):
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a pickle that asks for {module}.{name}") from None


def load_plain(content):
    """Returns the value of a pickle of dicts, lists, numbers, text and uint8 arrays.

    Args:
        content: bytes, all of the pickle.

    Returns:
        The value. Text of Python 2 is bytes, arrays are `PickledArray`.

    Raises:
        pickle.UnpicklingError: if it is damaged, holds anything else or has bytes behind its end.
    """
    stream = io.BytesIO(content)
    try:
        value = _Unpickler(stream, encoding="bytes").load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # A damaged pickle can raise anything.
        reason = str(error) or type(error).__name__
        raise pickle.UnpicklingError(f"a damaged pickle ({reason})") from None
    if stream.tell() != len(content):
        raise pickle.UnpicklingError("more bytes behind the pickle")
    return value
