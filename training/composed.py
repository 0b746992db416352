"""Windows that never were but could be: a real one, changed as real ones differ from each other.

A healthy window of tomorrow is often no window of today, but does what several of today do: a block that is read five
times and replicated twice. Taught on today's windows and on damaged ones alone, the head takes such a one for a
failure; its teacher does not, since differences between healthy windows lie along the ways of behaving that it knows.
"""

import numpy as np

from training.bags import Floats

_MOST = 3


def composed(counts: Floats, size: int, rng: np.random.Generator) -> Floats:
    """``size`` rows a + Σ n (b - c) of one to three terms, never below 0, of rows a, b, c of ``counts`` drawn alike; n
    is 1, or 2 in a third of the terms. ``counts`` is ``(windows, kinds + 1)``. What would be empty stays a.
    """
    begun, found = _some(counts, size, rng), np.zeros((size, counts.shape[1]))
    terms = rng.integers(1, _MOST + 1, size=(size, 1))
    for term in range(_MOST):
        times = rng.choice([1, 1, 2], size=(size, 1)) * (term < terms)
        found += times * (_some(counts, size, rng) - _some(counts, size, rng))
    found = np.maximum(begun + found, 0)
    return np.where(found.any(axis=1, keepdims=True), found, begun)


def _some(counts: Floats, size: int, rng: np.random.Generator) -> Floats:
    return counts[rng.integers(len(counts), size=size)]
