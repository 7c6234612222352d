"""What the CIFAR archives call their files, in both of their formats."""

# Room for what a pickle holds beside its pixels: labels, names of files and its own structure.
PICKLE_SLACK = 2**21
MAX_NAMES = 2**14

BINARY_FOLDERS = {"cifar10": "cifar-10-batches-bin", "cifar100": "cifar-100-binary"}
PYTHON_FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


def part_names(official, suffix):
    """Returns the names of the files with images, a dict from split to a list of str."""
    if official.num_coarse:
        return {"train": [f"train{suffix}"], "test": [f"test{suffix}"]}
    numbers = range(1, official.train_parts + 1)
    return {
        "train": [f"data_batch_{number}{suffix}" for number in numbers],
        "test": [f"test_batch{suffix}"],
    }


def part_counts(official):
    """Returns the number of images in each file of a split, a dict from split to int."""
    return {
        "train": official.counts["train"] // official.train_parts,
        "test": official.counts["test"],
    }
