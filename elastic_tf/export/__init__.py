"""The trained network as programs of TensorFlow that need nothing else."""
