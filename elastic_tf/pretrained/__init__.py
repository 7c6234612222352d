"""Ways in: a trained Keras network becomes the full level of an elastic one."""
