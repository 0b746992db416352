"""How far figures of scores may be from the truth: 95 % intervals of ROC-AUC and average precision. Knows no stream.

*DeLong* (DeLong, DeLong & Clarke-Pearson 1988, by ranks as Sun & Xu 2014): from the variance of the share of the other
class that each score outdoes; on logits, so that it stays between 0 and 1 (Pepe 2003). *Bootstrap* (Efron 1979): the
blocks are drawn anew with replacement, all scores of one together, since scores of a block are no independent ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.auc import Counts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]

_Z = 1.959963984540054  # 95 % of a normal distribution lie within
_TAILS = (0.025, 0.975)
_CELLS = 2_000_000  # weights that are drawn at once


class Interval(NamedTuple):
    """Lowest and highest value, within [0, 1]."""

    low: float
    high: float


def json_interval(interval: Interval | None) -> list[float] | None:
    """As a JSON value: ``[low, high]``."""
    return None if interval is None else list(interval)


class Intervals(NamedTuple):
    """Of both figures; None where nothing can be said."""

    roc_auc: Interval | None
    average_precision: Interval | None


def delong(counts: Counts) -> Interval | None:
    """The interval of a ROC-AUC, from independent events that weigh 1 each. O(n).

    None where a class has fewer than two events, or the AUC is 0 or 1: its variance is then 0 in this sample, which
    says nothing about the next one.
    """
    _, hits, false = counts
    anomalous, normal = hits.sum(), false.sum()
    if min(anomalous, normal) < 2:
        return None
    above_normal = (np.cumsum(false) - false / 2) / normal  # share of the normal ones that each score outdoes
    above_anomalous = (np.cumsum(hits) - hits / 2) / anomalous
    auc = float(np.sum(hits * above_normal) / anomalous)
    variance = _variance(above_normal, hits) / anomalous + _variance(above_anomalous, false) / normal
    if not 0 < auc < 1 or not variance:
        return None
    middle, far = math.log(auc / (1 - auc)), _Z * math.sqrt(variance) / (auc * (1 - auc))
    return Interval(_logistic(middle - far), _logistic(middle + far))


def bootstrap(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    blocks: Sequence[str] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Intervals:
    """The intervals of both figures by the 2.5 and 97.5 % of replicates; each score is a block unless they are named.

    Replicates in which a class is missing tell nothing and are left out; None if that is more than half of them.
    O(replicates × n) for n distinct scores, or n rows if blocks are named. The same seed gives the same digits.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(labels, np.bool_)
    if not len(values) or truth.all() or not truth.any():
        return Intervals(None, None)
    values, truth, block, times = _cells(values, truth) if blocks is None else _rows(values, truth, np.asarray(blocks))
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # the last of equal scores
    random, number, found = np.random.default_rng(seed), int(times.sum()), []
    for begun in range(0, replicates, slab := max(1, _CELLS // len(values))):
        drawn = random.multinomial(number, times / number, min(slab, replicates - begun))
        found.append(drawn_figures(drawn[:, block], truth, ends))
    every = np.concatenate(found, axis=1)
    told = every[:, ~np.isnan(every[0])]
    if 2 * told.shape[1] < replicates:
        return Intervals(None, None)
    roc, precision = (_between(*np.quantile(row, _TAILS).tolist()) for row in told)
    return Intervals(roc, precision)


def _between(low: float, high: float) -> Interval | None:
    """None where every replicate is the same: so it is where the classes lie apart, which these few cannot judge."""
    return Interval(low, high) if low < high else None


def _cells(values: Floats, truth: Bools) -> tuple[Floats, Bools, Whole, Whole]:
    """Distinct pairs of score and label, by falling score: each stands for so many blocks, and they are as one."""
    order = np.lexsort((truth, -values))
    values, truth = values[order], truth[order]
    first = np.flatnonzero(np.append(True, (values[1:] != values[:-1]) | (truth[1:] != truth[:-1])))
    times = np.diff(first, append=len(values))
    return values[first], truth[first], np.arange(len(first)), times


def _rows(values: Floats, truth: Bools, names: npt.NDArray[np.str_]) -> tuple[Floats, Bools, Whole, Whole]:
    """Rows by falling score, in an order that does not depend on that of the events, and the number of their block."""
    order = np.lexsort((names, truth, -values))
    block = np.unique(names[order], return_inverse=True)[1]
    return values[order], truth[order], block, np.ones(int(block.max()) + 1, np.int64)


def drawn_figures(weights: Whole, truth: Bools, ends: Whole) -> Floats:
    """ROC-AUC and average precision ``(2, replicates)`` of weights ``(replicates, n)`` by falling score."""
    hits = np.cumsum(weights * truth, axis=1)[:, ends].astype(np.float64)
    false = np.cumsum(weights * ~truth, axis=1)[:, ends].astype(np.float64)
    gained, more = np.diff(hits, axis=1, prepend=0), np.diff(false, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = np.sum(more * (hits - gained / 2), axis=1) / (hits[:, -1] * false[:, -1])
        precision = np.where(hits > 0, hits / (hits + false), 0)
        average = np.sum(gained * precision, axis=1) / hits[:, -1]
    return np.stack([auc, np.where(np.isnan(auc), np.nan, average)])


def _variance(values: Floats, times: Floats) -> float:
    """Sample variance of values that stand there so many times."""
    number = times.sum()
    mean = np.sum(times * values) / number
    return float(np.sum(times * (values - mean) ** 2) / (number - 1))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
