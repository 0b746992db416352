"""ROC-AUC and average precision of a stream of scores, exact after every event. Knows nothing of blocks or logs.

ROC-AUC is the share of (anomalous, normal) pairs in the right order, a tie counting half (Mann & Whitney 1947; Hanley
& McNeil 1982): it is kept as a whole number of half pairs and brought up to date with each score that comes or goes.
Average precision is the sum over distinct scores of recall gained times precision there (as in scikit-learn). A new
score can change every term of it, so it is summed up when it is asked for.
"""

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from itertools import chain

import numpy as np
import numpy.typing as npt

_CHUNK = 1024


class StreamingAuc:
    """Scores with their labels, 8 bytes each; any float but NaN, infinities too.

    ``add`` and ``remove``: O(log n) amortised. ``roc_auc``: O(1). ``average_precision``: O(p log n) for p anomalous
    scores, after copying the n scores. Both are NaN while one class is missing. The order of the events has no
    influence on the figures, to the last digit.
    """

    def __init__(self, chunk: int = _CHUNK) -> None:
        self._anomalous = SortedScores(chunk)
        self._normal = SortedScores(chunk)
        self._half_pairs = 0  # twice the pairs in the right order, a tie counting one

    @property
    def anomalous(self) -> int:
        """Number of anomalous scores."""
        return len(self._anomalous)

    @property
    def normal(self) -> int:
        """Number of normal scores."""
        return len(self._normal)

    def add(self, score: float, anomalous: bool) -> None:
        """Add a score; raise ValueError for NaN."""
        if math.isnan(score):
            raise ValueError("a score is NaN")
        self._half_pairs += self._pairs(score, anomalous)
        (self._anomalous if anomalous else self._normal).add(score)

    def remove(self, score: float, anomalous: bool) -> None:
        """Take a score back; raise ValueError if it is not there."""
        (self._anomalous if anomalous else self._normal).remove(score)
        self._half_pairs -= self._pairs(score, anomalous)

    def roc_auc(self) -> float:
        """In [0, 1]; NaN while one class is missing."""
        pairs = 2 * self.anomalous * self.normal
        return self._half_pairs / pairs if pairs else math.nan

    def average_precision(self) -> float:
        """In (0, 1]; NaN while one class is missing."""
        if not (self.anomalous and self.normal):
            return math.nan
        scores, counts = np.unique(self._anomalous.values(), return_counts=True)
        hits = np.cumsum(counts[::-1])[::-1]  # anomalous scores at or above each distinct one
        false = self.normal - np.searchsorted(self._normal.values(), scores, "left")
        return float(np.sum(counts * (hits / (hits + false))) / self.anomalous)

    def _pairs(self, score: float, anomalous: bool) -> int:
        """Half pairs that this score makes with those of the other class."""
        other = self._normal if anomalous else self._anomalous
        below_twice = other.below(score) + other.up_to(score)
        return below_twice if anomalous else 2 * len(other) - below_twice


class SortedScores:
    """A sorted multiset of floats that knows ranks: it lies in pieces of up to twice ``chunk`` floats, whose sizes are
    summed in a Fenwick tree (1994).
    """

    def __init__(self, chunk: int = _CHUNK) -> None:
        self._chunk = chunk
        self._chunks = [array("d")]
        self._lows = [-math.inf]  # a bound that divides the chunks: nothing in a chunk is below its own
        self._tree = [0, 0]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def values(self) -> npt.NDArray[np.float64]:
        """All of them, ascending; a copy."""
        return np.fromiter(chain.from_iterable(self._chunks), np.float64, self._size)

    def below(self, score: float) -> int:
        """How many are less than ``score``."""
        i = max(bisect_left(self._lows, score) - 1, 0)
        return self._before(i) + bisect_left(self._chunks[i], score)

    def up_to(self, score: float) -> int:
        """How many are less than ``score`` or equal."""
        i = bisect_right(self._lows, score) - 1
        return self._before(i) + bisect_right(self._chunks[i], score)

    def add(self, score: float) -> None:
        """Put one in."""
        i = bisect_right(self._lows, score) - 1
        chunk = self._chunks[i]
        insort(chunk, score)
        self._count(i, 1)
        if len(chunk) > 2 * self._chunk:
            self._chunks[i : i + 1] = [chunk[: self._chunk], chunk[self._chunk :]]
            self._lows.insert(i + 1, chunk[self._chunk])
            self._plant()

    def remove(self, score: float) -> None:
        """Take one out; raise ValueError if there is none."""
        i = max(bisect_left(self._lows, score) - 1, 0)
        if (place := bisect_left(self._chunks[i], score)) == len(self._chunks[i]) and i + 1 < len(self._chunks):
            i, place = i + 1, 0
        chunk = self._chunks[i]
        if place == len(chunk) or chunk[place] != score:
            raise ValueError(f"there is no score {score}")
        del chunk[place]
        self._count(i, -1)
        if not chunk and i > 0:
            del self._chunks[i], self._lows[i]
            self._plant()

    def _before(self, i: int) -> int:
        """Scores in the chunks before chunk ``i``."""
        total = 0
        while i > 0:
            total += self._tree[i]
            i -= i & -i
        return total

    def _count(self, i: int, change: int) -> None:
        self._size += change
        i += 1
        while i < len(self._tree):
            self._tree[i] += change
            i += i & -i

    def _plant(self) -> None:
        """Build the tree anew: its node i sums up the i & -i chunks that end with chunk i - 1."""
        self._tree = [0, *(len(chunk) for chunk in self._chunks)]
        for i in range(1, len(self._tree)):
            parent = i + (i & -i)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[i]
