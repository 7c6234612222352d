"""The one form of the errors about files that cannot be prepared."""


def refuse(file, expected, received):
    """Raises the `ValueError` that says what is wrong with a file, in one line.

    Args:
        file: str or path, of the file or of a part of it.
        expected: str. What it must do or be.
        received: what it is instead.
    """
    received = " ".join(str(received).split()) or "nothing"
    raise ValueError(f"{file} must {expected}. Received: {received}") from None


def check_labels(file, labels, num_classes, first=0):
    """Refuses labels out of range.

    Args:
        file: see `refuse`.
        labels: integer array.
        num_classes: int.
        first: int. The lowest label.
    """
    wrong = labels[(labels < first) | (labels >= first + num_classes)]
    if wrong.size:
        refuse(file, f"have labels from {first} to {first + num_classes - 1}", int(wrong[0]))


def check_size(file, size, expected):
    """Refuses a number of bytes other than the expected one; both are int."""
    if size != expected:
        refuse(file, f"have {expected:,} bytes", f"{size:,} bytes")
