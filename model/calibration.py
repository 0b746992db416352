"""From a raw score to a p-value, a verdict and a severity, as training measured them on unlabelled windows.

The reference is what training held out and did not itself call anomalous; beyond its greatest score an exponential
tail goes on (the generalised Pareto distribution of shape 0; Pickands 1975, Balkema & de Haan 1974).
"""

import math
from bisect import bisect_left
from dataclasses import asdict, dataclass
from typing import Any

from stream.scoring import Score, Severity

_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores of healthy held-out windows of one completeness.

    ``scores`` ascend; ``survival[i]`` is the share of windows that score at least ``scores[i]``; ``tail`` is the mean
    excess beyond the last score; ``threshold`` the score from which a window is anomalous; ``windows`` is how many
    there were.
    """

    scores: tuple[float, ...]
    survival: tuple[float, ...]
    tail: float
    threshold: float
    windows: int

    def p_value(self, score: float) -> float:
        """Share of healthy windows that score as high or higher, in (0, 1]."""
        last = self.scores[-1]
        if score > last:
            return max(_LEAST, self.survival[-1] * math.exp(-(score - last) / self.tail))
        return self.survival[bisect_left(self.scores, score)]


@dataclass(frozen=True, slots=True)
class Calibration:
    """References of complete windows and of prefixes, and what was asked for (``false_alarms``: share of windows)."""

    closed: Reference
    open: Reference
    false_alarms: float

    def judge(self, value: float, complete: bool) -> Score:
        """The score with its p-value and verdict."""
        reference = self.closed if complete else self.open
        p_value = reference.p_value(value)
        anomalous = value >= reference.threshold
        return Score(value, p_value, anomalous, self._severity(p_value, anomalous))

    def _severity(self, p_value: float, anomalous: bool) -> Severity:
        if anomalous:
            return "critical" if p_value < self.false_alarms / 10 else "warning"
        return "notice" if p_value < 10 * self.false_alarms else "normal"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; ``from_json`` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Calibration":
        """Read ``as_json``; raise ValueError, TypeError or KeyError for anything else."""
        closed, opened = (_reference(values[name]) for name in ("closed", "open"))
        return cls(closed, opened, float(values["false_alarms"]))


def _reference(values: dict[str, Any]) -> Reference:
    scores = tuple(float(v) for v in values["scores"])
    survival = tuple(float(v) for v in values["survival"])
    tail, threshold = float(values["tail"]), float(values["threshold"])
    if not scores or len(scores) != len(survival) or tail <= 0:
        raise ValueError("a calibration needs scores, as many survival values, and a tail above 0")
    return Reference(scores, survival, tail, threshold, int(values["windows"]))
