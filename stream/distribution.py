"""How often values fell into which range, counted in a fraction of a microsecond. Pure; not thread-safe."""

from bisect import bisect_left
from collections.abc import Sequence


class Distribution:
    """``counts[i]`` values were at most ``bounds[i]`` and above the bound before, the last of them above all bounds.

    ``bounds`` ascend; ``total`` is the sum of the values.

    >>> seconds = Distribution([0.1, 1.0])
    >>> for value in (0.1, 0.2, 5.0):
    ...     seconds.see(value)
    >>> seconds.counts, seconds.number
    ([1, 1, 1], 3)
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    @property
    def number(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def see(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: "Distribution") -> None:
        """Count what another one of the same bounds has counted."""
        self.counts = [ours + its for ours, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def copy(self) -> "Distribution":
        """One that does not change when this one does."""
        copied = Distribution(self.bounds)
        copied.add(self)
        return copied
