"""The number of principal components, found without labels."""

import numpy as np
import pytest

from training.baselines.components import _first_minimum, choose_components


@pytest.mark.parametrize(
    ("errors", "components"),
    [
        ([1.0, 0.9, 1.1, 0.5, 0.47, 0.48, 0.46], 4),  # the first minimum after the great fall, not the least
        ([1.0, 0.5, 0.0009, 0.0001], 2),
        ([1.0], 0),
        ([1.0, 0.6, 0.5, 0.4], 3),
        ([1.0, 0.5, 0.4997, 0.4994], 1),  # less than a thousandth is no gain
    ],
)
def test_components_are_the_first_minimum_after_the_greatest_fall(errors: list[float], components: int) -> None:
    assert _first_minimum(np.array(errors)) == components


def test_counts_that_go_together_in_two_ways_have_two_components() -> None:
    """Replicas are written in pairs of lines, and deleted in pairs of lines or not."""
    counts = np.array([[1, n, n, deleted, deleted] for n in (3, 4, 5) for deleted in (0, n)], float)
    weights = np.array([500.0, 300.0, 100.0, 60.0, 50.0, 40.0])
    assert choose_components(counts, weights, np.random.default_rng(0)) == 2
