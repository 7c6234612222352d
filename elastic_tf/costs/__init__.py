"""What a choice of levels costs: pure functions of ratios, shapes and levels."""
