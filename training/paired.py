"""Whether one scorer ranks the same blocks better than another, or was only lucky: paired tests. Knows no scorer.

Two scorers that judge the same blocks err on the same ones, so that their difference is known far better than each
figure. *ROC-AUC*: DeLong, DeLong & Clarke-Pearson (1988), the variance of the difference of what each block outdoes.
*Average precision*: a bootstrap (Efron 1979) that draws blocks with all of their scores.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.evaluate import Bools, Floats
from training.intervals import drawn_figures

_Z = 1.959963984540054  # 95 % of a normal distribution lie within
_TAILS = (0.025, 0.975)
_CELLS = 2_000_000  # weights that are drawn at once

Whole = npt.NDArray[np.int64]


class AucDifference(NamedTuple):
    """A difference of ROC-AUC in [-1, 1], its 95 % interval, and the two-sided p-value that there is none; the latter
    two are None where this sample has no variance of it, as where both rank alike.
    """

    value: float
    interval: tuple[float, float] | None
    p_value: float | None


def auc_difference(ours: Floats, theirs: Floats, labels: Bools) -> AucDifference | None:
    """ROC-AUC of ``ours`` less that of ``theirs``; None where a class has fewer than two blocks. O(n log n)."""
    if min(labels.sum(), (~labels).sum()) < 2:
        return None
    (hits, spared), (their_hits, their_spared) = (_outdone(scores, labels) for scores in (ours, theirs))
    value = float(hits.mean() - their_hits.mean())
    variance = float(
        np.var(hits - their_hits, ddof=1) / len(hits) + np.var(spared - their_spared, ddof=1) / len(spared)
    )
    if not variance:
        return AucDifference(value, None, None)
    far = math.sqrt(variance)
    return AucDifference(value, (value - _Z * far, value + _Z * far), math.erfc(abs(value) / far / math.sqrt(2)))


def _outdone(scores: Floats, labels: Bools) -> tuple[Floats, Floats]:
    """Of each anomalous block the share of normal ones below it, of each normal one that of anomalous ones above it."""
    anomalous, normal = scores[labels], scores[~labels]
    return _below(anomalous, np.sort(normal)), 1 - _below(normal, np.sort(anomalous))


def _below(values: Floats, others: Floats) -> Floats:
    """Share of the others, which ascend, that is below each value, a tie counting half."""
    shares: Floats = (
        (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / 2 / len(others)
    )
    return shares


def precision_differences(
    ours: Floats, others: Sequence[Floats], labels: Bools, replicates: int = 1000, seed: int = 0
) -> list[tuple[float, float] | None]:
    """95 % intervals of the average precision of ``ours`` less that of each other.

    Replicates in which a class is missing tell nothing and are left out; None if that is more than half of them, and
    where every replicate is the same. O(replicates × n) for n distinct rows of scores and label.
    """
    if not len(labels) or labels.all() or not labels.any():
        return [None] * len(others)
    ranks = [np.unique(scores, return_inverse=True)[1].ravel() for scores in (ours, *others)]
    cells, times = np.unique(np.column_stack([*ranks, labels]), axis=0, return_counts=True)
    random, number, found = np.random.default_rng(seed), int(times.sum()), []
    for begun in range(0, replicates, slab := max(1, _CELLS // len(cells))):
        drawn = random.multinomial(number, times / number, min(slab, replicates - begun))
        found.append(np.stack([_precision(drawn, cells[:, i], cells[:, -1] == 1) for i in range(len(ranks))]))
    first, *rest = np.concatenate(found, axis=1)
    return [_between(first - other, replicates) for other in rest]


def _precision(drawn: Whole, ranks: Whole, truth: Bools) -> Floats:
    """Average precision ``(replicates,)`` of weights ``(replicates, cells)``."""
    order = np.argsort(-ranks, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(ranks[order]) != 0, True))
    found: Floats = drawn_figures(drawn[:, order], truth[order], ends)[1]
    return found


def _between(differences: Floats, replicates: int) -> tuple[float, float] | None:
    told = differences[~np.isnan(differences)]
    if 2 * len(told) < replicates:
        return None
    low, high = np.quantile(told, _TAILS).tolist()
    return (low, high) if low < high else None
