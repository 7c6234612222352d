"""The digests of the official files: the one table, and the check against it."""

import hashlib
import pathlib

from pipelines.preparation.refusal import refuse

_CHUNK = 2**20

# By task and file name, then by algorithm. Where they come from:
# - sha256: the checksum files that tensorflow-datasets 4.9.10 comes with; a test compares them.
# - md5 of CIFAR-10 and CIFAR-100: the page of the University of Toronto that offers the files.
# - md5 of STL-10 and Tiny ImageNet: the loaders of other libraries; no official page gives them.
OFFICIAL_DIGESTS = {
    "cifar10": {
        "cifar-10-python.tar.gz": {"md5": "c58f30108f718f92721af3b95e74349a"},
        "cifar-10-binary.tar.gz": {
            "md5": "c32a1d4ab5d03f1284b67883e8d87530",
            "sha256": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        },
    },
    "cifar100": {
        "cifar-100-python.tar.gz": {"md5": "eb9058c3a382ffc7106e4002c42a8d85"},
        "cifar-100-binary.tar.gz": {
            "md5": "03b5dce01913d631647c71ecec9e9cb8",
            "sha256": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        },
    },
    "stl10": {
        "stl10_binary.tar.gz": {
            "md5": "91f7769df0f17e558f3565bffb0c7dfb",
            "sha256": "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
        },
    },
    "mnist": {
        "train-images-idx3-ubyte.gz": {
            "sha256": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        },
        "train-labels-idx1-ubyte.gz": {
            "sha256": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        },
        "t10k-images-idx3-ubyte.gz": {
            "sha256": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        },
        "t10k-labels-idx1-ubyte.gz": {
            "sha256": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        },
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": {
            "sha256": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        },
        "train-labels-idx1-ubyte.gz": {
            "sha256": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        },
        "t10k-images-idx3-ubyte.gz": {
            "sha256": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        },
        "t10k-labels-idx1-ubyte.gz": {
            "sha256": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        },
    },
    "svhn_cropped": {
        "train_32x32.mat": {
            "sha256": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"
        },
        "test_32x32.mat": {
            "sha256": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"
        },
        "extra_32x32.mat": {
            "sha256": "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3"
        },
    },
    "tiny_imagenet": {
        "tiny-imagenet-200.zip": {"md5": "90528d7ca1a48142e341f4ef8d21d0de"},
    },
}


def check_digests(task, files):
    """Refuses files that have the name of an official file of a task and another content.

    Args:
        task: str.
        files: paths of files; those without an official name pass.

    Raises:
        ValueError: for the first such file.
    """
    for file in map(pathlib.Path, files):
        expected = OFFICIAL_DIGESTS.get(task, {}).get(file.name, {})
        received = _digests(file, expected)
        for algorithm, digest in expected.items():
            if received[algorithm] != digest:
                refuse(
                    file,
                    f"be the official file, with the {algorithm} {digest} (or pass "
                    "--nocheck_digest)",
                    received[algorithm],
                )


def _digests(file, algorithms):
    """Returns a dict from algorithm to hexadecimal digest; the file is read once."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    if hashes:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                for of_file in hashes.values():
                    of_file.update(chunk)
    return {name: of_file.hexdigest() for name, of_file in hashes.items()}
