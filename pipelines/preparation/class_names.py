"""Lists of class names in text files."""

from pipelines.preparation.refusal import refuse

MAX_BYTES = 2**14


def parse_names(file, content, num_classes):
    """Returns the class names in a file with one per line, a list of str; empty lines are skipped.

    Args:
        file: str, for messages.
        content: bytes.
        num_classes: int. How many there must be.

    Raises:
        ValueError: if it is no text, or has another number of names, or one twice.
    """
    try:
        names = [name for name in content.decode("utf-8").split("\n") if name]
    except UnicodeDecodeError as error:
        refuse(file, "be text in UTF-8", error)
    return check_names(file, names, num_classes)


def check_names(file, names, num_classes):
    """Returns the names, a list of str, if there are as many different ones as classes."""
    if len(names) != num_classes or len(set(names)) != num_classes:
        refuse(
            file,
            f"have {num_classes} different class names",
            f"{len(set(names))} in {len(names)} lines",
        )
    return names
