"""How bad a window is: four grades with probabilities, a softmax over its distances from where the grades begin. Pure.

The odds of a grade against the one below are e^(score - bar), where its *bar* is the score at which it begins
(adjacent-category logits: Agresti, Analysis of Ordinal Categorical Data, 2010, ch. 4). So at a bar the two are even,
the likeliest grade is the one whose bar is reached, and how sure it is grows with the distance: scores are logarithms.
"""

import math
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

Severity = Literal["normal", "notice", "warning", "critical"]
GRADES: tuple[Severity, ...] = get_args(Severity)
"""In ascending order. From ``warning`` on a window is anomalous; a notice is unusual, and wakes nobody."""

_DIGITS = 4
_FAR = 50.0  # e^-50 is nothing; a bar may be infinitely far away


class Bars(NamedTuple):
    """The scores from which a window is a notice, a warning (the verdict's threshold) and critical; ascending."""

    notice: float
    warning: float
    critical: float


def severity_of(value: float, bars: Bars) -> Severity:
    """The grade of a score: the highest whose bar it reaches."""
    notice, warning, critical = bars
    if value >= warning:
        return "critical" if value >= critical else "warning"
    return "notice" if value >= notice else "normal"


def grades_of(value: float, bars: Bars) -> dict[Severity, float]:
    """The probability of each grade, to four digits; they add up to 1 and none is above that of ``severity_of``.

    >>> grades_of(1.5, Bars(-2.5, 0.0, 3.1))
    {'normal': 0.0028, 'notice': 0.1561, 'warning': 0.6999, 'critical': 0.1412}
    """
    normal, notice, warning, critical = _shares(value, bars)
    return {"normal": normal, "notice": notice, "warning": warning, "critical": critical}


@lru_cache(16_384)  # most windows have the content, and so the score, of others
def _shares(value: float, bars: Bars) -> list[float]:
    logits = [0.0]
    for bar in bars:
        logits.append(logits[-1] + max(-_FAR, min(_FAR, value - bar)))
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    unit = 10**_DIGITS
    shares = [math.floor(unit * power / sum(powers)) / unit for power in powers]
    own = GRADES.index(severity_of(value, bars))
    shares[own] = round(1 - sum(share for grade, share in enumerate(shares) if grade != own), _DIGITS)
    return shares
