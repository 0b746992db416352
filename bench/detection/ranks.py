"""Rankings of distinct windows that stand for many: correlation, overlap of the tops, distance of two classes."""

import math

import numpy as np

from training.bags import Floats

_SHARES = (0.005, 0.01, 0.02, 0.05)


def spearman(one: Floats, two: Floats) -> float:
    """Rank correlation, equal values having the mean of their ranks; 0 where one of them has one value only."""
    ranks = _ranks(one), _ranks(two)
    if min(np.ptp(each) for each in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def rank_auc(high: Floats, low: Floats, weights: Floats) -> float:
    """Share of pairs in which ``high`` is greater than ``low``, a tie counting half; ``weights`` are those of low."""
    values, group = np.unique(low, return_inverse=True)
    mass = np.bincount(group, weights, len(values))
    below = np.concatenate([[0.0], mass.cumsum()])
    left, right = np.searchsorted(values, high, "left"), np.searchsorted(values, high, "right")
    return float((below[left] + below[right]).mean() / (2 * weights.sum()))


def top_overlap(one: Floats, two: Floats, weights: Floats) -> float:
    """Mean share of windows that both rankings have on top, over several sizes of the top."""
    overlaps = []
    for share in _SHARES:
        both = np.minimum(in_top(one, weights, share), in_top(two, weights, share))
        overlaps.append(float(weights @ both) / (share * weights.sum()))
    return float(np.mean(overlaps))


def in_top(scores: Floats, weights: Floats, share: float) -> Floats:
    """How much of each distinct window is among the highest ``share`` of all windows; equal scores share the rest."""
    values, group = np.unique(scores, return_inverse=True)
    mass = np.bincount(group, weights, len(values))
    above = mass[::-1].cumsum()[::-1] - mass
    part = np.clip((share * weights.sum() - above) / np.maximum(mass, 1e-12), 0, 1)
    return np.asarray(part[group])


def gap(scores: Floats, weights: Floats) -> float:
    """Distance of the classes of Otsu's split over their own width."""
    values, group = np.unique(scores, return_inverse=True)
    mass = np.bincount(group, weights, len(values)) / weights.sum()
    if len(values) < 2:
        return 0.0
    below, mean = mass.cumsum()[:-1], mass @ values
    low = (mass * values).cumsum()[:-1] / np.maximum(below, 1e-12)
    high = (mean - below * low) / np.maximum(1 - below, 1e-12)
    between = below * (1 - below) * (high - low) ** 2
    best = int(np.argmax(between))
    return float((high - low)[best] / math.sqrt(max(mass @ (values - mean) ** 2 - between[best], 1e-12)))


def _ranks(values: Floats) -> Floats:
    _, group, number = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(number) - (number - 1) / 2)[group])
