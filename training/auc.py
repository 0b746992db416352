"""ROC-AUC and average precision of a stream of scores, exact after every event. Knows nothing of blocks, logs or time.

ROC-AUC is the share of (anomalous, normal) pairs in the right order, a tie counting half (Mann & Whitney 1947; Hanley
& McNeil 1982): it is kept as a whole number of half pairs and brought up to date with each score that comes or goes.
Average precision is the sum over distinct scores of recall gained times precision there (as in scikit-learn). A new
score can change every term of it, each by another factor, so that no sum that is kept would help: it is summed up when
it is asked for, over arrays: a million distinct scores take a tenth of a second, ten thousand half a millisecond.

A pair's weight is the product of its two weights. A float is a whole number of some power of two, so that weights are
kept as whole numbers, too, and no error ever adds up: any order of events and any that were taken back give the same
digits as if only those that are left had come.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.ranks import SortedWeights

Floats = npt.NDArray[np.float64]

_CHUNK = 512
_LEAST, _MOST = 2.0**-256, 2.0**256
_STEP = 64  # bits by which the unit of the weights gets finer: rarely, since each is made anew then


class Counts(NamedTuple):
    """Distinct scores of both classes, ascending ``(n,)``, with the weight of each class at each."""

    scores: Floats
    anomalous: Floats
    normal: Floats


class StreamingAuc:
    """Scores with their labels and weights; any float but NaN, infinities too.

    ``add`` and ``remove``: O(log n). ``roc_auc``: O(1). ``average_precision`` and ``counts``: O(n) for n distinct
    scores. Both figures are NaN while one class is missing. Memory: 17 bytes a distinct score of each class where each
    event weighs 1; about 53 where weights are fractions.
    """

    def __init__(self, chunk: int = _CHUNK) -> None:
        self.anomalous = self.normal = 0  # events
        self._anomalous = SortedWeights(chunk)
        self._normal = SortedWeights(chunk)
        self._bits = 0  # a weight of 1 is kept as 2 ** bits
        self._half_pairs = 0  # twice the pairs in the right order, a tie counting one

    @property
    def weights(self) -> tuple[float, float]:
        """The weight of all anomalous events and of all normal ones."""
        unit = 1 << self._bits
        return self._anomalous.total / unit, self._normal.total / unit

    def add(self, score: float, anomalous: bool, weight: float = 1) -> None:
        """Add an event; raise ValueError for NaN, and for a weight that is not between 2^-256 and 2^256."""
        if math.isnan(score):
            raise ValueError("a score is NaN")
        whole = self._whole(weight)
        self._half_pairs += whole * self._pairs(score, anomalous)
        if anomalous:
            self._anomalous.add(score, whole)
            self.anomalous += 1
        else:
            self._normal.add(score, whole)
            self.normal += 1

    def remove(self, score: float, anomalous: bool, weight: float = 1) -> None:
        """Take an event back; raise ValueError if it is not there."""
        whole = self._whole(weight)
        (self._anomalous if anomalous else self._normal).remove(score, whole)
        self._half_pairs -= whole * self._pairs(score, anomalous)
        if anomalous:
            self.anomalous -= 1
        else:
            self.normal -= 1

    def roc_auc(self) -> float:
        """In [0, 1]; NaN while one class is missing."""
        pairs = 2 * self._anomalous.total * self._normal.total
        return self._half_pairs / pairs if pairs else math.nan

    def average_precision(self) -> float:
        """In (0, 1]; NaN while one class is missing."""
        if not (self._anomalous.total and self._normal.total):
            return math.nan
        (scores, gained), (others, false) = self._column(self._anomalous), self._column(self._normal)
        hits = np.cumsum(gained[::-1])[::-1]  # at or above each anomalous score
        wrong = np.append(np.cumsum(false[::-1])[::-1], 0.0)[np.searchsorted(others, scores)]
        return float(np.sum(gained * (hits / (hits + wrong))) / hits[0])

    def counts(self) -> Counts:
        """What there is, for figures that have to see all of it."""
        (high, hits), (low, false) = self._column(self._anomalous), self._column(self._normal)
        scores = np.unique(np.concatenate([high, low]))
        anomalous, normal = np.zeros(len(scores)), np.zeros(len(scores))
        anomalous[np.searchsorted(scores, high)] = hits
        normal[np.searchsorted(scores, low)] = false
        return Counts(scores, anomalous, normal)

    def halve(self, times: int) -> None:
        """Divide the weight of everything there is by two, so many times. The figures stay what they are."""
        self._bits += times
        every = [weight for side in (self._anomalous, self._normal) for weight in side.items()[1]]
        if spare := min([self._bits, *((weight & -weight).bit_length() - 1 for weight in every)]):
            self._rescale(-spare)

    def _whole(self, weight: float) -> int:
        if weight == 1:
            return 1 << self._bits
        if not _LEAST <= weight <= _MOST:
            raise ValueError(f"a weight is {weight}; it must be between 2^-256 and 2^256")
        number, of = float(weight).as_integer_ratio()
        if (needed := of.bit_length() - 1) > self._bits:
            self._rescale(-(-(needed - self._bits) // _STEP) * _STEP)
        return number << (self._bits - needed)

    def _rescale(self, bits: int) -> None:
        """Make the unit of the weights finer by so many bits, or coarser; no weight may lose a bit."""
        self._bits += bits
        for side in (self._anomalous, self._normal):
            side.change(lambda weight: weight << bits if bits > 0 else weight >> -bits)
        self._half_pairs = self._half_pairs << 2 * bits if bits > 0 else self._half_pairs >> -2 * bits

    def _pairs(self, score: float, anomalous: bool) -> int:
        """Half pairs that an event of weight 1 with this score makes with those of the other class."""
        other = self._normal if anomalous else self._anomalous
        below, equal = other.around(score)
        below_twice = 2 * below + equal
        return below_twice if anomalous else 2 * other.total - below_twice

    def _column(self, side: SortedWeights) -> tuple[Floats, Floats]:
        """Distinct scores of a class, ascending, and their weights."""
        scores, weights = side.columns()
        return scores, np.ldexp(weights, -self._bits)
