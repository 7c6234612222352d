"""The trained network frozen for prediction: folded, pre-sliced and routed by level."""
