"""From scores of windows, without labels, to a threshold and p-values.

What counts as a false alarm is a healthy window that is called anomalous at least once: when it is complete, or at any
look while it is open. So a window counts once, with its score when complete and the highest that it ever had
while open; the budget is for both together, and each gets the more of it the more often they raise the same alarm.
What a window scores while it may go on is the least that can become of it (or, by a simple detector, what it would
score were it complete). So its grades begin no lower than those of complete windows, or an alarm would be taken back
when all turned out as the score had said.

**Sample.** Windows that were held out, or that score as if they had been (``training.optimism``). Of n healthy ones k
reach a score; of an unseen one that is expected with k + 1 in n + 1 (conformal prediction; Vovk et al. 2005). The
threshold lies in the middle of the step below the score whose expected share is nearest to the budget, as a ratio:
anywhere in that step the sample shows the same. Where the sample is too small for a share within 1.5 times the budget,
the threshold lies beyond it, along a generalised Pareto tail. So the realised share is the stated one on average, or
a little less; within 1.5 times it in three samples of four where one or two windows may ring, in nearly nine of ten
from four on (``tests/test_calibrate.py``). An alarm's p-value is the budget as nearly: up to 1.5 times it.

**Contamination.** Windows are as they come, some of them the failures that are to be found. A few per cent of
them would hide a budget of one in a thousand, so the reference has to do without them. Scores are logarithms, of errors
or of rarity, and failures lie apart. In the split that explains most of the variance (Otsu 1979), the upper class is
left out where the two are five times as far from each other as they are wide, and at least 3 (twenty times the error: a
way of behaving that is a little off is none that failed), and it holds between 1 and 20 % of the windows. Then the
threshold is no lower than the middle of the gap: in it there is nothing to be found.

No scores can tell a failure from a healthy behaviour that is rare and scores as high. In the logs that we know, a real
one and simulated ones, such behaviours hold up to about one window in a hundred; the least share was set by that. Less
counts as healthy, and what it costs is recall: of so few failures the highest are found, and a larger budget finds
more. Where more lies apart, all of it is taken for failures, and the healthy windows among them are false alarms beside
the budget: ``Calibration.apart`` is their share at most, as long as the log stays as it was. Where behaviour changes
with time, no threshold keeps its word. Where it is known that no failure is among the windows, nothing is left out, and
the budget holds as far as the sample goes.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from model.calibration import Calibration, Reference, Tail
from training.bags import Bag, Floats, Life
from training.tail import fit_tail

SLACK = 1.5
LEAST_SHARE, _LARGEST_SHARE = 0.01, 0.2
_CONFIDENCE = 0.9
_APART, _DISTANCE = 5.0, 3.0
_TOGETHER = 0.05
_FLOOR = 10


class Looked(NamedTuple):
    """The score of a window when it was complete, and the highest that it had while it was open, if it had any."""

    closed: float
    open: float | None = None


Held = Mapping[Looked, int]
"""Held-out windows, with the number of those that were looked at with the same scores."""


def looked(lives: Mapping[Life, int], closed: Mapping[Bag, float], opened: Mapping[Bag, float]) -> Held:
    """Held-out windows as a scorer saw them; it gave ``closed`` to complete windows and ``opened`` to prefixes."""
    held: Counter[Looked] = Counter()
    for life, number in lives.items():
        highest = max((opened[prefix] for prefix in life.prefixes), default=None)
        held[Looked(closed[life.complete], highest)] += number
    return held


class Counted(NamedTuple):
    """Distinct scores, ascending, and the number of windows of each."""

    scores: Floats
    weights: Floats


def calibrate(held: Held, budget: float, asked: str = "", above: float | None = None) -> Calibration:
    """Calibrate for a budget of false alarms, a share of the healthy windows; ``asked`` is how it was put.

    ``above`` is the score from which complete windows are taken for failures: that of ``apart_above``, given where it
    is decided already; infinity where it is known that no failure is among them.
    """
    above = apart_above(held) if above is None else above
    healthy = {looked: number for looked, number in held.items() if looked.closed < above}
    failed = {looked: number for looked, number in held.items() if looked.closed >= above}
    share = budget / _overlap(healthy)
    closed = _reference(_closed(healthy), _closed(failed), share)
    opened = closed if not len(_open(healthy).scores) else _reference(_open(healthy), _open(failed), share)
    opened = replace(
        opened,
        threshold=max(opened.threshold, closed.threshold),
        critical=max(opened.critical, closed.critical),
    )
    apart = sum(failed.values()) / sum(held.values())
    return Calibration(closed, opened, budget, asked or f"{budget:g}", apart)


def apart_above(held: Held, least_share: float = LEAST_SHARE) -> float:
    """The score from which complete windows are taken for failures; infinity if fewer than this share lie apart."""
    scores, weights = _closed(held)
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
    far = mean_above[best] - mean_below[best] >= max(_APART * within, _DISTANCE)
    if not far or not least_share <= 1 - share[best] <= _LARGEST_SHARE:
        return math.inf
    return float((scores[best] + scores[best + 1]) / 2)


def _closed(held: Held) -> Counted:
    return _counted([looked.closed for looked in held], list(held.values()))


def _open(held: Held) -> Counted:
    """The highest scores of windows while they were open; those that nobody looked at have none."""
    seen = [(looked.open, number) for looked, number in held.items() if looked.open is not None]
    return _counted([score for score, _ in seen], [number for _, number in seen])


def _counted(scores: list[float], numbers: list[int]) -> Counted:
    distinct, place = np.unique(np.array(scores, float), return_inverse=True)
    return Counted(distinct, np.bincount(place, np.array(numbers, float), len(distinct)).astype(float))


def _overlap(healthy: Held) -> float:
    """By how much alarms of both kinds are more than those of one: 1 where they come together, 2 where never.

    The extremal coefficient of the pair (Coles, Heffernan & Tawn 1999), read where one window in twenty is; no alarm is
    raised by a window that may go on below the threshold of complete ones.
    """
    closed, opened = _closed(healthy), _open(healthy)
    if not len(opened.scores):
        return 1.0
    first = _high(closed)
    second = max(first, _high(opened))
    number = np.array(list(healthy.values()), float)
    by_closed = np.array([looked.closed >= first for looked in healthy])
    by_open = np.array([looked.open is not None and looked.open >= second for looked in healthy])
    one = max(number[by_closed].sum(), number[by_open].sum())
    return float(min(2.0, max(1.0, number[by_closed | by_open].sum() / one))) if one else 2.0


def _high(counted: Counted) -> float:
    """The least score that at most one window in twenty reaches, or the greatest of all."""
    reach = counted.weights[::-1].cumsum()[::-1] / counted.weights.sum()
    within = np.flatnonzero(reach <= _TOGETHER)
    return float(counted.scores[within[0] if len(within) else -1])


def _reference(healthy: Counted, failed: Counted, share: float) -> Reference:
    scores, weights = healthy
    windows = weights.sum()
    reach = weights[::-1].cumsum()[::-1]
    tail = fit_tail(scores, weights)
    higher = failed.scores > scores[-1]
    threshold = _threshold(scores, reach, tail, share)
    if higher.any():
        threshold = max(threshold, float((scores[-1] + failed.scores[higher][0]) / 2))
    critical = _critical(failed, threshold) or max(threshold, tail.quantile(share / 10))
    survival = (reach + 1) / (windows + 1)  # an unseen window is one of n + 1 (conformal; Vovk et al. 2005)
    floor = min(1 / (_FLOOR * (windows + 1)), share / _FLOOR)
    return Reference(
        tuple(scores.tolist()), tuple(survival.tolist()), tail, float(floor), threshold, critical, int(windows)
    )


def _threshold(scores: Floats, reach: Floats, tail: Tail, share: float) -> float:
    """The middle of the step below the score that the budget's share of healthy windows is expected to reach.

    ``reach`` is how many of the windows have each score or a higher one.
    """
    windows = float(reach[0])  # no numpy number: thresholds make verdicts, and those are Python's
    expected = (reach + 1) / (windows + 1) / share
    within = np.flatnonzero(expected <= SLACK)
    if len(within):
        nearest = int(within[np.argmin(np.abs(np.log(expected[within])))])
        return float(scores[max(nearest - 1, 0)] + scores[nearest]) / 2
    beyond = 1 - (1 - _CONFIDENCE) ** (1 / windows)  # nine times in ten no more than this share is beyond the sample
    target = min(share, tail.share * min(1.0, SLACK * share / beyond))
    return max(tail.quantile(target), math.nextafter(float(scores[-1]), math.inf))


def _critical(failed: Counted, threshold: float) -> float | None:
    """The median of what was taken for failures and is beyond the threshold; None where there is nothing."""
    beyond = failed.scores >= threshold
    scores, weights = failed.scores[beyond], failed.weights[beyond]
    if not len(scores):
        return None
    return float(scores[int(np.searchsorted(weights.cumsum(), weights.sum() / 2))])
