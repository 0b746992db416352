"""Random draws that give the same numbers on every platform: integers all the way, no library of mathematics.

All of the simulator's chance comes from numpy's ``Generator(PCG64)``, seeded with ``SeedSequence([seed, …])``.
"""

from collections.abc import Sequence

import numpy as np

from stream.simulator.events import Ints

#: Knots ``(probability in 1/1000, value)`` of a distribution, rising; values in between are spread evenly.
Knots = Sequence[tuple[int, int]]

_STEPS_PER_MILLE = 1000


def generator(*key: int) -> np.random.Generator:
    """A generator for this key; different keys give independent streams."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def spread(rng: np.random.Generator, knots: Knots, count: int) -> Ints:
    """Draws ``count`` whole numbers from the distribution that the knots describe (inverse transform)."""
    steps = np.array([p for p, _ in knots], np.int64) * _STEPS_PER_MILLE
    values = np.array([v for _, v in knots], np.int64)
    u = rng.integers(0, steps[-1], count)
    left = np.searchsorted(steps, u, side="right") - 1
    rise = (u - steps[left]) * (values[left + 1] - values[left])
    return np.asarray(values[left] + rise // (steps[left + 1] - steps[left]), np.int64)


def uniform(rng: np.random.Generator, low: int, high: int, count: int) -> Ints:
    """Draws ``count`` whole numbers from ``low`` to ``high``, both included."""
    return rng.integers(low, high + 1, count)


def indices_where(rng: np.random.Generator, probability: float, count: int) -> Ints:
    """Indices out of ``range(count)``, each taken with this probability."""
    return np.flatnonzero(rng.random(count) < probability).astype(np.int64)
