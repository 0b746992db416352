"""Event-count PCA (Xu et al., SOSP 2009): how far a window's counts lie from the subspace that windows span.

The score is the log of the squared prediction error, averaged over bootstrapped subspaces: whoever is near the normal
way of behaving has a small one, however rare it is, and a count that does not fit the others a great one, however often
that happens. ``training.baselines.components`` says how the number of components is chosen without labels.

It is blind for words, and for what lies within the subspace: twice as many lines of every kind fit one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from model.baselines.detector import Array, Floats, finite

_EPSILON = 1e-3
_LARGEST = 1e5


@dataclass(frozen=True, slots=True)
class PcaDetector:
    """Subspaces by their means and orthonormal bases."""

    means: Floats  # (fits, kinds)
    bases: Floats  # (fits, kinds, components)

    def score(self, counts: Floats) -> float:
        """In [ln 0.001, ln 100,000]; lines of unknown kinds, which no component explains, add their square."""
        rest = (counts[:-1] - self.means)[:, :, None]  # (fits, kinds, 1)
        rest = rest - self.bases @ (self.bases.transpose(0, 2, 1) @ rest)
        errors = (rest**2).sum((1, 2)) + counts[-1] ** 2
        return float(np.log(np.minimum(errors, _LARGEST) + _EPSILON).mean())

    def arrays(self) -> dict[str, Array]:
        """See ``Detector.arrays``."""
        return {"means": self.means, "bases": self.bases}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], kinds: int) -> Self:
        """See ``Detector.from_arrays``."""
        means = finite(arrays, "means", (None, kinds))
        bases = finite(arrays, "bases", (len(means), kinds, None))
        if not len(means):
            raise ValueError("there is no subspace in it")
        return cls(means, bases)
