"""The error of a source whose files are not there, or not whole."""


class DataNotFoundError(FileNotFoundError):
    """The images are missing or damaged; the message says what to put where."""
