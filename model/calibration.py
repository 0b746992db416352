"""From a raw score to a p-value, a verdict and a severity, as training measured them on unlabelled windows.

The reference is what training held out and did not itself take for failures. Where it ends, the tail of a generalised
Pareto distribution goes on (Pickands 1975; Balkema & de Haan 1974), down to a floor: of what is far rarer than the
windows that were held out, they say nothing. Plain arithmetic; who fits the tail is ``training.tail``.

A *false alarm* is a healthy window that is called anomalous at least once, when it is complete or at any time before.
So a p-value has one meaning a completeness: of complete windows, the share of healthy ones that score as high or
higher; of windows that may go on, the share of healthy ones that *ever* do while they are open.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from stream.grades import Bars, severity_of
from stream.scoring import Score

_VERSION = 2
_OLD_FLOOR = 1e-12


@dataclass(frozen=True, slots=True)
class Tail:
    """Beyond the score ``start``: ``share`` × (1 + ``shape`` × excess ÷ ``scale``) ^ (-1 ÷ ``shape``).

    ``scale`` is above 0 and in units of the score; ``shape`` is at least 0, and 0 is the exponential tail.
    """

    start: float
    share: float
    scale: float
    shape: float

    def survival(self, score: float) -> float:
        """Share of healthy windows that score at least ``score``, which is beyond the start."""
        excess = (score - self.start) / self.scale
        if self.shape == 0:
            return self.share * math.exp(-excess)
        return float(self.share * (1 + self.shape * excess) ** (-1 / self.shape))

    def quantile(self, survival: float) -> float:
        """The score from which on so small a share is left; the start where the share is no smaller than its own."""
        ratio = max(1.0, self.share / survival)
        excess = math.log(ratio) if self.shape == 0 else (ratio**self.shape - 1) / self.shape
        return self.start + self.scale * excess


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores of healthy held-out windows of one completeness.

    ``scores`` ascend; ``survival[i]`` is the share of windows that score at least ``scores[i]``; ``tail`` begins at the
    last of them; ``floor`` is the least p-value; ``threshold`` the score from which a window is anomalous and
    ``critical`` that from which it is critical; ``windows`` is how many there were.
    """

    scores: tuple[float, ...]
    survival: tuple[float, ...]
    tail: Tail
    floor: float
    threshold: float
    critical: float
    windows: int

    def p_value(self, score: float) -> float:
        """Share of healthy windows that score as high or higher, in (0, 1]."""
        if score > self.scores[-1]:
            return max(self.floor, self.tail.survival(score))
        return self.survival[bisect_left(self.scores, score)]

    def score_at(self, p_value: float) -> float:
        """The score from which on p-values are below this one; infinity if none is, and minus infinity if all are."""
        step = bisect_right(self.survival, -p_value, key=lambda share: -share)
        if step < len(self.scores):
            return math.nextafter(self.scores[step - 1], math.inf) if step else -math.inf
        if p_value <= self.floor:
            return math.inf
        return max(math.nextafter(self.scores[-1], math.inf), self.tail.quantile(p_value))

    def bars(self, notice_p: float, critical_p: float | None) -> Bars:
        """Where the grades begin: a notice below the p-value ``notice_p``, what is critical below ``critical_p``, or
        where training put it. Neither moves the threshold: notices are below it, and what is critical is above.
        """
        critical = self.critical if critical_p is None else self.score_at(critical_p)
        return Bars(min(self.score_at(notice_p), self.threshold), self.threshold, max(critical, self.threshold))

    def p_above(self, score: float) -> float:
        """Share of healthy windows that score higher: less than the p-value where scores repeat."""
        later = bisect_left(self.scores, math.nextafter(score, math.inf))
        return self.survival[later] if later < len(self.scores) else max(self.floor, self.tail.survival(score))


class Uniformity(NamedTuple):
    """The greatest distance of p-values from uniform (Kolmogorov & Smirnov), the test's own p-value, and how many."""

    statistic: float
    p_value: float
    windows: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """References of complete windows and of prefixes, and the budget of false alarms that their thresholds aim at.

    ``false_alarms`` is a share of healthy windows, ``asked`` how the person put it (``5/hour``), ``apart`` the share of
    held-out windows that were taken for failures: if none of them was one, they are false alarms beside the budget.
    ``uniform`` says how uniform the p-values of one half of the held-out windows are if the other half is the
    reference, by completeness; it may be empty.
    """

    closed: Reference
    open: Reference
    false_alarms: float
    asked: str = ""
    apart: float = 0.0
    uniform: dict[str, Uniformity] = field(default_factory=dict, hash=False)

    def judge(self, value: float, complete: bool) -> Score:
        """The score with its p-value, verdict and grade."""
        return self.graded()(value, complete)

    def graded(self, notice_p: float | None = None, critical_p: float | None = None) -> Callable[[float, bool], Score]:
        """``judge`` with other grades: see ``Reference.bars``. By default notices begin at ten times the budget."""
        notice_p = 10 * self.false_alarms if notice_p is None else notice_p
        found = {True: self.closed, False: self.open}
        bars = {complete: reference.bars(notice_p, critical_p) for complete, reference in found.items()}

        def judge(value: float, complete: bool) -> Score:
            reference, own = found[complete], bars[complete]
            return Score(value, reference.p_value(value), value >= reference.threshold, severity_of(value, own), own)

        return judge

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; ``from_json`` reads them back."""
        return {"version": _VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Calibration":
        """Read ``as_json``, or what version 1 wrote; raise ValueError, TypeError or KeyError for anything else."""
        false_alarms = float(values["false_alarms"])
        if not 0 < false_alarms < 1:
            raise ValueError(f"a calibration needs a budget between 0 and 1, not {false_alarms}")
        closed, opened = (_reference(values[name], false_alarms) for name in ("closed", "open"))
        asked = str(values.get("asked", f"{false_alarms:g}"))
        uniform = {name: Uniformity(*found) for name, found in values.get("uniform", {}).items()}
        return cls(closed, opened, false_alarms, asked, float(values.get("apart", 0)), uniform)


def _reference(values: dict[str, Any], false_alarms: float) -> Reference:
    scores = tuple(float(v) for v in values["scores"])
    survival = tuple(float(v) for v in values["survival"])
    if not scores or len(scores) != len(survival):
        raise ValueError("a calibration needs scores, and as many survival values")
    if not all(map(math.isfinite, scores)) or any(low >= high for low, high in pairwise(scores)):
        raise ValueError("a calibration needs scores that are numbers and ascend")
    if not all(0 < share <= 1 for share in survival) or any(more < less for more, less in pairwise(survival)):
        raise ValueError("a calibration needs survival values between 0 and 1 that fall")
    old = not isinstance(values["tail"], dict)
    tail = Tail(scores[-1], survival[-1], float(values["tail"]), 0.0) if old else Tail(**values["tail"])
    if not (all(map(math.isfinite, astuple(tail))) and tail.scale > 0 and tail.shape >= 0):
        raise ValueError("a calibration needs a tail with a scale above 0 and a shape of at least 0")
    threshold = float(values["threshold"])
    # Version 1 called critical whatever had a tenth of the budget for its p-value.
    critical = max(threshold, tail.quantile(false_alarms / 10)) if old else float(values["critical"])
    floor = _OLD_FLOOR if old else float(values["floor"])
    if not (math.isfinite(threshold) and math.isfinite(critical) and 0 < floor <= 1):
        raise ValueError("a calibration needs thresholds that are numbers and a floor above 0")
    return Reference(scores, survival, tail, floor, threshold, critical, int(values["windows"]))
