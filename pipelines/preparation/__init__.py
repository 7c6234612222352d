"""Prepares the standard data sets from official files on disk, as tfds would from the network."""
