"""Keras layers whose width is chosen per image."""
