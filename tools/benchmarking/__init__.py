"""Parts of the benchmark: what is measured, the clock, and the report."""
