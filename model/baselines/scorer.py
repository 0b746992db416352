"""A simple detector behind the stream's seam: windows in, scores and evidence out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model.baselines.detector import Detector, Floats, Kinds
from model.baselines.explain import explain
from model.baselines.folder import Baseline, load_baseline
from stream.scoring import Score, Surprise

DIGITS = 4
_REMEMBERED = 200_000


class BaselineScorer:
    """Implements ``stream.scoring.Scorer`` with a simple detector; ``memo`` remembers scores by content.

    The raw score of a window that may go on is that of the same lines as a whole window; only p-value and verdict
    differ, which are calibrated on such windows. A healthy block that is still being written scores high with these
    detectors, so their threshold for it is high too: they find in it what is far out alone, and the rest when it ends.
    """

    material = 1.0

    def __init__(self, baseline: Baseline, memo: bool = True) -> None:
        self._baseline = baseline
        self._memo: dict[frozenset[tuple[str, int]], float] | None = {} if memo else None
        self._judge = baseline.calibration.graded()

    @classmethod
    def load(cls, folder: Path, memo: bool = True) -> "BaselineScorer":
        """A scorer from a folder that ``save_baseline`` wrote; raises InputError."""
        return cls(load_baseline(folder), memo)

    def forgetful(self) -> "BaselineScorer":
        """The same scorer without a memo, to be measured."""
        return BaselineScorer(self._baseline, False)

    def graded(self, notice_p: float | None, critical_p: float | None) -> "BaselineScorer":
        """This scorer, its grades from now on as ``Calibration.graded`` says."""
        self._judge = self._baseline.calibration.graded(notice_p, critical_p)
        return self

    @property
    def checkpoint(self) -> str:
        """Name of the folder's content."""
        return self._baseline.name

    @property
    def false_alarms(self) -> float:
        """The share of healthy windows that its thresholds were to let through as false alarms."""
        return self._baseline.calibration.false_alarms

    def threshold(self, complete: bool) -> float:
        """See ``stream.scoring.Thresholded``."""
        return (self._baseline.calibration.closed if complete else self._baseline.calibration.open).threshold

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        judge = self._judge
        return [judge(self._value(Counter(w)), done) for w, done in zip(windows, complete, strict=True)]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``: by occlusion."""
        return explain(window, self._fresh, self._baseline.kinds.texts)

    def vectors(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> Floats:
        """What a detector sees of windows, log(1 + count): ``(windows, kinds + 1)``."""
        return np.log1p([self._baseline.kinds.counts(Counter(window)) for window in windows])

    def _value(self, bag: Mapping[str, int]) -> float:
        if self._memo is None:
            return self._fresh(bag)
        key = frozenset(bag.items())
        if (known := self._memo.get(key)) is None:
            if len(self._memo) >= _REMEMBERED:
                self._memo.clear()
            known = self._memo[key] = self._fresh(bag)
        return known

    def _fresh(self, bag: Mapping[str, int]) -> float:
        return raw_score(self._baseline.detector, self._baseline.kinds, bag)


def raw_score(detector: Detector, kinds: Kinds, bag: Mapping[str, int] | Iterable[tuple[str, int]]) -> float:
    """A detector's score of a bag of lines, rounded to four digits."""
    return round(detector.score(kinds.counts(bag)), DIGITS) + 0.0
