"""Builders of data sets that tfds does not come with."""
