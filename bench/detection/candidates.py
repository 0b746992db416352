"""Detectors of differing quality, all on counts of lines, for the study of criteria that need no labels.

They are fitted together on distinct windows ``(windows, kinds + 1)`` with the number of times that each was seen; the
last column counts lines of unknown kinds. For comparing alone; nothing here is meant for use.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training.bags import Floats

Fitted = Callable[[Floats], Floats]
"""Rows of counts ``(windows, kinds + 1)`` → scores ``(candidates, windows)``, higher is more anomalous."""

MOST_COMPONENTS = 12
_EPSILON = 1e-3


class View(NamedTuple):
    """What principal components are made of, and whether the error is shared among the window's lines."""

    transform: Callable[[Floats], Floats]
    a_line: bool = False


VIEWS = {
    "counts": View(lambda counts: counts),
    "counts a line": View(lambda counts: counts, a_line=True),
    "log": View(lambda counts: np.log1p(counts)),
    "presence": View(lambda counts: (counts > 0).astype(float)),
    "presence a line": View(lambda counts: (counts > 0).astype(float), a_line=True),
}


class Candidate(NamedTuple):
    """A detector; ``components`` and ``view`` are those of a principal-component one, else 0 and ""."""

    name: str
    view: str = ""
    components: int = 0


CANDIDATES = (
    *(Candidate(f"PCA {name} {k}", name, k) for name in VIEWS for k in range(1, MOST_COMPONENTS + 1)),
    *(Candidate(name) for name in ("rarity of sets", "likelihood of counts", "nearest neighbour")),
)


def fit_all(counts: Floats, weights: Floats) -> Fitted:
    """Fit every candidate, in the order of ``CANDIDATES``; windows of weight 0 are not seen."""
    counts, weights = counts[weights > 0], weights[weights > 0]
    families = [_components(view, counts, weights) for view in VIEWS.values()]
    others = [fit(counts, weights) for fit in (_rarity, _likelihood, _nearest)]
    return lambda rows: np.vstack([each(rows) for each in (*families, *others)])


def moments(rows: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted mean, and eigenvalues and eigenvectors of the covariance, greatest first."""
    mean = weights @ rows / weights.sum()
    rest = rows - mean
    values, vectors = np.linalg.eigh((rest * weights[:, None]).T @ rest / weights.sum())
    return mean, values[::-1], vectors[:, ::-1]


def _components(view: View, counts: Floats, weights: Floats) -> Fitted:
    """Squared prediction error outside of the first 1, 2, … components (Xu et al. 2009)."""
    mean, _, vectors = moments(view.transform(counts)[:, :-1], weights)
    basis = vectors[:, : min(MOST_COMPONENTS, vectors.shape[1] - 1)]

    def score(rows: Floats) -> Floats:
        made = view.transform(rows)
        rest = made[:, :-1] - mean
        inside = ((rest @ basis) ** 2).cumsum(axis=1)
        inside = np.pad(inside, ((0, 0), (0, MOST_COMPONENTS - inside.shape[1])), mode="edge")
        error = np.maximum((rest**2).sum(1)[:, None] - inside, 0) + made[:, -1:] ** 2
        lines = np.maximum(rows.sum(1), 1)[:, None] if view.a_line else 1
        return np.asarray(np.log(error / lines + _EPSILON).T)

    return score


def _rarity(counts: Floats, weights: Floats) -> Fitted:
    """How seldom the set of kinds was seen."""
    seen: dict[bytes, float] = {}
    for key, weight in zip(_sets(counts), weights.tolist(), strict=True):
        seen[key] = seen.get(key, 0.0) + weight
    return lambda rows: -np.log([[(seen.get(key, 0.0) + 0.5) / weights.sum() for key in _sets(rows)]])


def _likelihood(counts: Floats, weights: Floats) -> Fitted:
    """How unlikely the counts are, each for itself (Laplace's rule); counts from 255 on are as one."""
    tables = np.ones((counts.shape[1], 256))
    kinds = np.arange(counts.shape[1])
    for row, weight in zip(_small(counts), weights.tolist(), strict=True):
        tables[kinds, row] += weight
    chances = -np.log(tables / tables.sum(1, keepdims=True))
    return lambda rows: chances[kinds, _small(rows)].sum(1)[None]


def _nearest(counts: Floats, weights: Floats) -> Fitted:
    """Distance to the nearest other window that was seen more than once."""
    known = counts[weights > 1] if (weights > 1).sum() > 1 else counts

    def score(rows: Floats) -> Floats:
        apart = np.abs(rows[:, None, :] - known[None, :, :]).sum(2)
        apart[apart == 0] = np.inf
        return np.asarray(apart.min(1))[None]

    return score


def _small(counts: Floats) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    return np.minimum(counts, 255).astype(np.int64)


def _sets(rows: Floats) -> list[bytes]:
    return [row.tobytes() for row in rows > 0]
