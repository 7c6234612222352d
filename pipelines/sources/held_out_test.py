"""Which images are held out for testing where a data set comes without a test split."""

from pipelines.sources.validation_carve import carve_validation

# Another one than that of validation: with the same, the two would be drawn alike, and validation
# would then get the very images that a larger test share would have taken.
TEST_SEED = 20191


def carve_test(labels, test_share):
    """Splits examples in two, class by class, as `carve_validation` does.

    Args:
        labels: integer array `(examples,)`.
        test_share: float in (0, 0.5].

    Returns:
        Two int64 arrays, ascending: the indices that stay in train, and those for testing.
    """
    return carve_validation(labels, test_share, TEST_SEED)
