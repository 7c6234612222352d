"""The version of the package, alone so that the build can read it without TensorFlow."""

__version__ = "0.3.0"
