"""How good a trained network and its choices are: figures, searches, intervals."""
