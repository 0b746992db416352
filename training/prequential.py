"""Figures over time, each window judged before anything is learned from it (prequential: Dawid 1984; Brzezinski &
Stefanowski 2017): cumulative, over the last closed windows, over the last hour of event time, and fading.

A window enters when it closes, with its block's label and the score that its block has by then (``blockscores``), at
the event time of its last line. Only what has a label by then enters. Knows no broker and no file.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from training.auc import StreamingAuc
from training.blockscores import BlockScores
from training.evaluate import json_number
from training.forgetting import Events, Fading, LastEvents, LastTime
from training.intervals import bootstrap, json_interval

LAST = 1_000
HOUR_MS = 3_600_000
_STEP = 1.02  # the curve has a point whenever there are so many times the lines

Figure = Callable[[StreamingAuc], float]


class Point(NamedTuple):
    """ROC-AUC and average precision when so many lines were read, at an event time in epoch ms; NaN: one class."""

    time: int
    lines: int
    cumulative: tuple[float, float]
    last_windows: tuple[float, float]
    last_hour: tuple[float, float]
    fading: tuple[float, float]


class Prequential:
    """Feed it with closed windows, ask it now and then for a point of the curve."""

    def __init__(self, blocks: BlockScores) -> None:
        self.curve: list[Point] = []
        self._blocks = blocks
        self._last, self._hour, self._fading = LastEvents(LAST), LastTime(HOUR_MS), Fading(HOUR_MS)
        self._next = 0.0

    def closed(self, block: str, time: int) -> None:
        """A window of a block has closed, whose last line is of this time; its score is seen already."""
        label = self._blocks.labels.get(block)
        if label is not None:
            score = self._blocks.scores[block].score
            self._last.add(score, label, block)
            self._hour.add(time, score, label, block)
            self._fading.add(time, score, label)

    def note(self, time: int, lines: int, ends: bool = False) -> None:
        """So many lines were read by now: a point of the curve, if it is due or the last one."""
        if lines >= self._next or ends:
            self._next = lines * _STEP
            every = (self._blocks.auc, self._last.auc, self._hour.auc, self._fading.auc)
            self.curve.append(Point(time, lines, *(_both(auc) for auc in every)))

    def figures(self, time_text: Callable[[int], str]) -> dict[str, Any]:
        """Figures as they are by now, with 95 % intervals by a bootstrap over blocks, and the curve, as JSON values."""
        return {
            "last_windows": {"windows": LAST, **_sliding(self._last.auc, self._last.events())},
            "last_hour": {"hours": 1, **_sliding(self._hour.auc, self._hour.events())},
            "fading": {"half_life_hours": 1, "weights": list(self._fading.weights), **_now(self._fading.auc)},
            "curve": [
                {
                    "time": time_text(point.time),
                    "lines": point.lines,
                    **{
                        name: [json_number(figure) for figure in pair]
                        for name, pair in zip(_NAMES, point[2:], strict=True)
                    },
                }
                for point in self.curve
            ],
        }


_NAMES = ("cumulative", "last_windows", "last_hour", "fading")


def _both(auc: StreamingAuc) -> tuple[float, float]:
    return auc.roc_auc(), auc.average_precision()


def _now(auc: StreamingAuc) -> dict[str, Any]:
    roc, precision = (json_number(figure) for figure in _both(auc))
    return {"anomalous": auc.anomalous, "normal": auc.normal, "roc_auc": roc, "average_precision": precision}


def _sliding(auc: StreamingAuc, events: Events) -> dict[str, Any]:
    found = bootstrap(*events)
    return {
        **_now(auc),
        "roc_auc_interval": json_interval(found.roc_auc),
        "average_precision_interval": json_interval(found.average_precision),
    }
