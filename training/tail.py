"""Where a sample of scores ends: the tail of a generalised Pareto distribution beyond its greatest score.

Shape and scale come from L-moments (Hosking & Wallis 1987), not from the likelihood: healthy scores have few distinct
values with gaps between them, of which the likelihood would make an end point at the greatest one. The shape is kept
between 0 and ½: a tail may be heavier than exponential, but nothing is held for impossible that was not seen yet.
"""

from model.calibration import Tail
from training.bags import Floats

_SHARE = 0.1
_HEAVIEST = 0.5
_LEAST_SCALE = 1e-3


def fit_tail(scores: Floats, weights: Floats) -> Tail:
    """The tail beyond the last of the scores, which ascend and are distinct; ``weights`` count windows.

    It is fitted to what exceeds the score that a tenth of the windows reach, or the last but one. What exceeds a higher
    score has the same distribution with the same shape and a scale that grows linearly, so that it can begin at the
    last score. An unseen window is beyond it once in n + 1 times.
    """
    windows = weights.sum()
    reached = weights[::-1].cumsum()[::-1] / windows
    start = max(0, min(int((reached >= _SHARE).sum()) - 1, len(scores) - 2))
    scale, shape = pareto(scores[start + 1 :] - scores[start], weights[start + 1 :])
    grown = scale + shape * float(scores[-1] - scores[start])
    return Tail(float(scores[-1]), 1 / float(windows + 1), max(_LEAST_SCALE, grown), shape)


def pareto(excesses: Floats, weights: Floats) -> tuple[float, float]:
    """Scale and shape of a generalised Pareto distribution, the shape in [0, ½], from counted excesses above 0.

    One excess alone says only how long the tail is: then the shape is 0. None at all: the scale is 0.
    """
    number = weights.sum()
    if number == 0:
        return 0.0, 0.0
    mean = float((weights * excesses).sum() / number)
    if number < 2:
        return mean, 0.0
    rank = weights.cumsum() - weights + (weights - 1) / 2  # the mean rank, from 0, of those that are tied
    second = float(2 * (weights * excesses * rank).sum() / (number * (number - 1)) - mean)
    shape = min(max(2 - mean / second, 0.0), _HEAVIEST) if second > 0 else 0.0
    return mean * (1 - shape), shape
