"""Event-set rarity: how seldom training saw a window with exactly this set of kinds of line; counts do not matter.

The score is minus the log of the set's smoothed share, ln((windows + sets + 1) / (seen + 1)): Laplace's rule of
succession, where all that was never seen is one more set. It is the simplest of the detectors that do well on HDFS_v1
(Landauer et al. 2024, *A critical review of common log data sets*), and it fails where failures repeat, where healthy
windows are of many sorts, and where only a count is wrong. All sets that were never seen are equally rare to it.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

from model.baselines.detector import Array, Floats


class RarityDetector:
    """Sets of kinds with the number of windows that had each."""

    def __init__(self, sets: Array, seen: Floats) -> None:
        """``sets`` ``(sets, kinds + 1)`` of bool are distinct; ``seen`` ``(sets,)`` are numbers of windows."""
        self._sets, self._seen = np.asarray(sets, bool), np.asarray(seen, np.float64)
        self._of = float(self._seen.sum()) + len(self._sets) + 1
        self._rarity = {key.tobytes(): self._minus_log(n) for key, n in zip(self._sets, self._seen, strict=True)}

    def score(self, counts: Floats) -> float:
        """In (0, ln(windows + sets + 1)]; the greatest is that of a set that was never seen."""
        return self._rarity.get((counts > 0).tobytes(), self._minus_log(0))

    def arrays(self) -> dict[str, Array]:
        """See ``Detector.arrays``."""
        return {"sets": self._sets, "seen": self._seen}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], kinds: int) -> Self:
        """See ``Detector.from_arrays``."""
        sets, seen = arrays["sets"], arrays["seen"]
        if sets.dtype != np.bool_ or sets.ndim != 2 or sets.shape[1] != kinds + 1 or seen.shape != sets.shape[:1]:
            raise ValueError("its sets are not those of its kinds of line")
        if not (np.isfinite(seen) & (seen >= 0)).all():
            raise ValueError("seen holds what is no number of windows")
        return cls(sets, seen)

    def _minus_log(self, seen: float) -> float:
        return float(np.log(self._of / (seen + 1)))
