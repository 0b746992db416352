"""From scores of held-out windows, without labels, to a threshold and p-values.

Held-out windows are as they come, so that some of them are the failures that are to be found. A few per cent of them
would hide a budget of one in a thousand, so the reference has to do without them: the scores are logarithms of errors,
and failures lie apart from the rest. Where the two classes of the split that explains most of the variance (Otsu 1979)
are five times as far from each other as they are wide, and the upper one is small, it is left out, and the threshold is
the split or what the budget asks for, whichever is higher: between the classes there is nothing to be found. Where
there is no such split, nothing is left out: the threshold is then too high rather than too low.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from model.calibration import Calibration, Reference
from training.bags import Floats

_APART = 5.0
_LARGEST_SHARE = 0.2
_TAIL_SHARE = 0.1
_LEAST_TAIL = 0.1


Scores = Mapping[float, int]
"""Held-out scores, with the number of windows of each."""


class Splits(NamedTuple):
    """The scores above which held-out windows are taken for failures; infinity where none lie apart."""

    closed: float
    opened: float


def split(closed: Scores, opened: Scores) -> Splits:
    """Where the failures among complete windows and among prefixes begin."""
    return Splits(contaminated_above(*_sorted(closed)), contaminated_above(*_sorted(opened)) if opened else math.inf)


def calibrate(closed: Scores, opened: Scores, false_alarms: float, splits: Splits | None = None) -> Calibration:
    """Calibrate on the scores of complete windows and of prefixes.

    ``false_alarms`` is the share of healthy windows that may be called anomalous. ``splits`` are those of ``split``,
    given where they are decided already.
    """
    splits = splits or split(closed, opened)
    reference = _reference(closed, false_alarms, splits.closed)
    shared = reference if not opened else _reference(opened, false_alarms, splits.opened)
    return Calibration(reference, shared, false_alarms)


def contaminated_above(scores: Floats, weights: Floats) -> float:
    """The score above which held-out windows are taken for failures; infinity if none lie apart.

    ``scores`` ascend and are distinct; ``weights`` count windows.
    """
    total, mean = weights.sum(), float(np.average(scores, weights=weights))
    variance = float(np.average((scores - mean) ** 2, weights=weights))
    if len(scores) < 2 or variance == 0:
        return math.inf
    below = np.cumsum(weights)[:-1]
    mean_below = np.cumsum(weights * scores)[:-1] / below
    share = below / total
    mean_above = (mean - share * mean_below) / (1 - share)
    between = share * (1 - share) * (mean_above - mean_below) ** 2
    best = int(np.argmax(between))
    within = math.sqrt(max(variance - between[best], 0.0))
    if mean_above[best] - mean_below[best] < _APART * within or 1 - share[best] > _LARGEST_SHARE:
        return math.inf
    return float((scores[best] + scores[best + 1]) / 2)


def _sorted(counted: Scores) -> tuple[Floats, Floats]:
    scores = np.array(sorted(counted))
    return scores, np.array([counted[score] for score in scores.tolist()], float)


def _reference(counted: Scores, false_alarms: float, split: float) -> Reference:
    scores, weights = _sorted(counted)
    kept = scores < split
    scores, weights = scores[kept], weights[kept]
    survival = weights[::-1].cumsum()[::-1] / weights.sum()
    start, tail = _tail(scores, weights, survival)
    threshold = _threshold(scores, survival, tail, false_alarms)
    if math.isfinite(split):
        threshold = max(threshold, split)
        # No lighter than what makes the threshold's p-value the budget: the gap says nothing of a tail so thin.
        tail = max(tail, (threshold - start) / math.log(_TAIL_SHARE / false_alarms))
    return Reference(tuple(scores.tolist()), tuple(survival.tolist()), tail, threshold, int(weights.sum()))


def _tail(scores: Floats, weights: Floats, survival: Floats) -> tuple[float, float]:
    """The score that a tenth of the windows reach, and the mean excess over it: the scale of an exponential tail."""
    start = scores[max(0, int(np.searchsorted(-survival, -_TAIL_SHARE)) - 1)]
    beyond = scores >= start
    return float(start), max(_LEAST_TAIL, float(np.average(scores[beyond] - start, weights=weights[beyond])))


def _threshold(scores: Floats, survival: Floats, tail: float, false_alarms: float) -> float:
    """The least reference score whose p-value is within the budget, or a score beyond the last along the tail."""
    within = np.flatnonzero(survival <= false_alarms)
    if len(within):
        return float(scores[within[0]])
    return float(scores[-1] + tail * math.log(survival[-1] / false_alarms))
