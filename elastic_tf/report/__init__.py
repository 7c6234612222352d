"""What a trained network chooses, and what that gains: figures, tables, claims, and a page."""
