"""The networks: estimator, selector, and both together."""
