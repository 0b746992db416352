"""Isolation Forest (Liu, Ting & Zhou, ICDM 2008) as plain arrays: how few random cuts set a window apart.

The score is minus the mean length of its paths, in cuts, with the usual allowance for windows that share a leaf;
scikit-learn's ``score_samples`` is -2 ** (score / allowance of the whole sample), which is the same order. It is fitted
by scikit-learn and walked by numpy, so that scoring loads neither scikit-learn nor a pickle.

It looks at one count at a time: that two counts do not fit each other it sees only where one of them is rare by itself.
It cuts where training had differences, so that lines of a kind that training never saw mean nothing to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from model.baselines.detector import Array, Floats, finite

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ForestDetector:
    """Trees one behind the other in arrays of all nodes ``(nodes,)``; a leaf's children are itself.

    A window goes left where its count of ``feature`` is at most ``threshold``; ``length`` is a leaf's path length.
    """

    roots: Indices  # (trees,)
    left: Indices
    right: Indices
    feature: Indices
    threshold: Floats
    length: Floats

    def score(self, counts: Floats) -> float:
        """At most 0: minus the mean path length over the trees."""
        node = self.roots
        while True:
            goes_left = counts[self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if (below == node).all():
                return float(-self.length[node].mean())
            node = below

    def arrays(self) -> dict[str, Array]:
        """See ``Detector.arrays``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], kinds: int) -> Self:
        """See ``Detector.from_arrays``."""
        nodes = len(arrays["left"])
        roots = _indices(arrays, "roots", None, nodes)
        left, right = _indices(arrays, "left", nodes, nodes), _indices(arrays, "right", nodes, nodes)
        feature = _indices(arrays, "feature", nodes, kinds + 1)
        here = np.arange(nodes)
        # Children that come after their parents: every path ends.
        if not len(roots) or (left < here).any() or (right < here).any() or ((left == here) != (right == here)).any():
            raise ValueError("its trees are none")
        threshold, length = (finite(arrays, name, (nodes,)) for name in ("threshold", "length"))
        return cls(roots, left, right, feature, threshold, length)


def _indices(arrays: Mapping[str, Array], name: str, size: int | None, below: int) -> Indices:
    found = finite(arrays, name, (size,)).astype(np.int64)
    if ((found < 0) | (found >= below)).any():
        raise ValueError(f"{name} points to what is not there")
    return found
