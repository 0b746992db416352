"""Weights by score, in order, with the sums below any score: the order statistics of the streaming figures.

Distinct scores lie in pieces of up to twice ``chunk``, whose sums are kept in a Fenwick tree (1994). Weights are whole
numbers, so that what is taken out leaves no trace. Knows nothing of labels or figures.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import chain
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_CHUNK = 512


class Around(NamedTuple):
    """The weight of all scores below one, and of those equal to it."""

    below: int
    equal: int


class SortedWeights:
    """A sorted map from scores (any float but NaN) to weights above 0; a score whose weight comes to 0 is gone.

    ``add``, ``remove``, ``around``: O(log n + chunk), of which the chunk is moved and summed by the interpreter's own
    loops. Memory: 16 bytes a distinct score, and that of its weight where it is over 256.
    """

    def __init__(self, chunk: int = _CHUNK) -> None:
        self.total = 0
        self._chunk = chunk
        self._scores = [array("d")]
        self._weights: list[list[int]] = [[]]
        self._sums = [0]
        self._lows = [-inf]  # a bound that divides the pieces: nothing in a piece is below its own
        self._tree = [0, 0]

    def __len__(self) -> int:
        """How many distinct scores there are."""
        return sum(map(len, self._scores))

    def items(self) -> tuple[list[float], list[int]]:
        """Scores, ascending, and their weights; copies."""
        return list(chain.from_iterable(self._scores)), list(chain.from_iterable(self._weights))

    def columns(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The same as two arrays, with weights as the nearest floats."""
        scores = np.concatenate([np.asarray(part) for part in self._scores])
        return scores, np.fromiter(chain.from_iterable(self._weights), np.float64, len(scores))

    def around(self, score: float) -> Around:
        """What lies below a score, and at it."""
        i = bisect_right(self._lows, score) - 1
        scores, weights = self._scores[i], self._weights[i]
        place = bisect_left(scores, score)
        equal = weights[place] if place < len(scores) and scores[place] == score else 0
        if 2 * place <= len(scores):
            return Around(self._before(i) + sum(weights[:place]), equal)
        return Around(self._before(i + 1) - sum(weights[place:]), equal)

    def add(self, score: float, weight: int) -> None:
        """Add to the weight of a score."""
        i = bisect_right(self._lows, score) - 1
        scores, weights = self._scores[i], self._weights[i]
        place = bisect_left(scores, score)
        if place < len(scores) and scores[place] == score:
            weights[place] += weight
        else:
            scores.insert(place, score)
            weights.insert(place, weight)
        self._count(i, weight)
        if len(scores) > 2 * self._chunk:
            self._split(i)

    def remove(self, score: float, weight: int) -> None:
        """Take from the weight of a score; raise ValueError if it has not so much."""
        i = bisect_right(self._lows, score) - 1
        scores, weights = self._scores[i], self._weights[i]
        place = bisect_left(scores, score)
        if place == len(scores) or scores[place] != score or weights[place] < weight:
            raise ValueError(f"there is no score {score} of this weight")
        weights[place] -= weight
        self._count(i, -weight)
        if not weights[place]:
            del scores[place], weights[place]
            if not scores and i > 0:
                del self._scores[i], self._weights[i], self._sums[i], self._lows[i]
                self._plant()

    def change(self, by: Callable[[int], int]) -> None:
        """Exchange every weight for another; the caller sees to it that they stay above 0."""
        self._weights = [[by(weight) for weight in weights] for weights in self._weights]
        self._sums = [sum(weights) for weights in self._weights]
        self.total = sum(self._sums)
        self._plant()

    def _split(self, i: int) -> None:
        scores, weights, half = self._scores[i], self._weights[i], self._chunk
        self._scores[i : i + 1] = [scores[:half], scores[half:]]
        self._weights[i : i + 1] = [weights[:half], weights[half:]]
        self._sums[i : i + 1] = [sum(part) for part in self._weights[i : i + 2]]
        self._lows.insert(i + 1, scores[half])
        self._plant()

    def _before(self, i: int) -> int:
        """The weight in the pieces before piece ``i``."""
        total, tree = 0, self._tree
        while i > 0:
            total += tree[i]
            i &= i - 1
        return total

    def _count(self, i: int, change: int) -> None:
        self.total += change
        self._sums[i] += change
        tree, i = self._tree, i + 1
        while i < len(tree):
            tree[i] += change
            i += i & -i

    def _plant(self) -> None:
        """Build the tree anew: its node i sums up the i & -i pieces that end with piece i - 1."""
        tree = self._tree = [0, *self._sums]
        for i in range(1, len(tree)):
            parent = i + (i & -i)
            if parent < len(tree):
                tree[parent] += tree[i]
