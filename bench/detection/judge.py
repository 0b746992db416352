"""A scorer and a fold → figures: over windows, over distinct windows, and before windows are closed."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bench.detection.folds import Fold
from bench.detection.log import Log, bag_of
from bench.detection.prefixes import Life, Prefix, delays, ever_alarmed, prefixes_of, quiet_alarms
from stream.scoring import Score, Scorer
from stream.windows.window import Window
from training.bags import Bag
from training.evaluate import Bools, figures

_AT_ONCE = 512


class Prefixes:
    """The prefixes of windows, cut once for all that judge them."""

    def __init__(self) -> None:
        self._cut: dict[tuple[int, str, int], list[Prefix]] = {}

    def of(self, log: Log, window: Window) -> list[Prefix]:
        """Prefixes of a closed window of this log."""
        key = (id(log), window.block_id, window.part)
        if key not in self._cut:
            self._cut[key] = prefixes_of(window, log.end)
        return self._cut[key]


def judge(scorer: Scorer, fold: Fold, cut: Prefixes) -> dict[str, Any]:
    """All figures as JSON values; every judged window counts once, or once with all that are like it."""
    bags = [bag_of(window.texts) for window in fold.judged]
    found = scored(scorer, bags, complete=True)
    labels = fold.labels()
    faults = fold.log.faults
    lives = [
        Life(bool(failed), faults.get(w.block_id, w.times[0]), cut.of(fold.log, w), bool(found[bag].anomalous))
        for w, bag, failed in zip(fold.judged, bags, labels.tolist(), strict=True)
    ]
    prefixes = scored(scorer, (prefix.bag for life in lives for prefix in life.prefixes), complete=False)
    verdicts = {bag: bool(score.anomalous) for bag, score in prefixes.items()}
    return {
        "windows": _figures([found[bag] for bag in bags], labels),
        "distinct": _distinct(bags, found, labels),
        "ever": ever_alarmed(lives, verdicts),
        "quiet": quiet_alarms(lives, verdicts),
        "delay": delays(lives, verdicts),
    }


def scored(scorer: Scorer, bags: Iterable[Bag], complete: bool) -> dict[Bag, Score]:
    """The judgement on each distinct bag."""
    distinct = list(dict.fromkeys(bags))
    scores: dict[Bag, Score] = {}
    for i in range(0, len(distinct), _AT_ONCE):
        part = distinct[i : i + _AT_ONCE]
        texts = [[text for text, number in bag for _ in range(number)] for bag in part]
        scores.update(zip(part, scorer.score(texts, [complete] * len(part)), strict=True))
    return scores


def _distinct(bags: Sequence[Bag], found: dict[Bag, Score], labels: Bools) -> dict[str, Any]:
    """Windows with equal bags and labels count once."""
    once = sorted(set(zip(bags, labels.tolist(), strict=True)))
    return _figures([found[bag] for bag, _ in once], np.array([label for _, label in once], np.bool_))


def _figures(scores: Sequence[Score], labels: Bools) -> dict[str, Any]:
    values, verdicts = np.array([s.value for s in scores]), np.array([s.anomalous for s in scores], np.bool_)
    found = figures(values, verdicts, labels)
    false, normal = found["at_threshold"]["false_positives"], found["normal"]
    return {
        **{name: found[name] for name in ("anomalous", "normal", "roc_auc", "average_precision")},
        "f1": found["at_threshold"]["f1"],
        "best_f1": found["best_f1_oracle"]["f1"],
        "false_alarms": false / normal if normal else None,
    }
