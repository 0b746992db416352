"""Figures over time, each window judged before anything is learned from it (prequential: Dawid 1984; Brzezinski &
Stefanowski 2017): cumulative, over the last closed windows, over the last hour of event time, and fading.

A window enters when it closes, with its block's label and the score that its block has by then (``blockscores``), at
the event time of its last line. What has no label by then enters nothing for the time being. Where labels come later,
or change, all is worked out once more from what happened (``happened``), so that in the end every figure and every
point of the curve is what it would be had the labels been known from the beginning. Knows no broker and no file.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from training.auc import StreamingAuc
from training.blockscores import BlockScores
from training.evaluate import json_number
from training.forgetting import Events, Fading, LastEvents, LastTime
from training.happened import Happened
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


class _Sliding:
    """The figures that forget, with the cumulative ones of blocks that are fed here or elsewhere."""

    def __init__(self, cumulative: StreamingAuc) -> None:
        self.cumulative = cumulative
        self.last, self.hour, self.fading = LastEvents(LAST), LastTime(HOUR_MS), Fading(HOUR_MS)

    def closed(self, block: str, time: int, score: float, label: bool) -> None:
        self.last.add(score, label, block)
        self.hour.add(time, score, label, block)
        self.fading.add(time, score, label)

    def point(self, time: int, lines: int) -> Point:
        every = (self.cumulative, self.last.auc, self.hour.auc, self.fading.auc)
        return Point(time, lines, *(_both(auc) for auc in every))


class Prequential:
    """Feed it with scored windows, ask it now and then for a point of the curve, and for the figures at the end."""

    def __init__(self, blocks: BlockScores) -> None:
        self.curve: list[Point] = []
        self._blocks = blocks
        self._sliding = _Sliding(blocks.auc)
        self._happened = Happened()
        self._relabelled = 0
        self._next = 0.0

    def opened(self, block: str) -> None:
        """A window of a block that may get more lines was scored; its score is seen already."""
        self._happened.add(block, self._blocks.scores[block].score, None)

    def closed(self, block: str, time: int) -> None:
        """A window of a block has closed, whose last line is of this time; its score is seen already."""
        score, label = self._blocks.scores[block].score, self._blocks.labels.get(block)
        self._happened.add(block, score, time)
        if label is not None:
            self._sliding.closed(block, time, score, label)

    def note(self, time: int, lines: int, ends: bool = False) -> None:
        """So many lines were read by now: a point of the curve, if it is due or the last one."""
        if lines >= self._next or ends:
            self._next = lines * _STEP
            self._happened.mark()
            self.curve.append(self._sliding.point(time, lines))

    def settle(self) -> None:
        """Take up labels that came after the scores that they judge: O(what happened), if there are any."""
        if self._relabelled == self._blocks.relabelled:
            return
        self._relabelled = self._blocks.relabelled
        blocks, happened, done = BlockScores(self._blocks.labels), iter(self._happened), 0
        sliding, curve = _Sliding(blocks.auc), list[Point]()
        for mark, before in zip(self._happened.marks, self.curve, strict=True):
            _happen(islice(happened, mark - done), blocks, sliding)
            done = mark
            curve.append(sliding.point(before.time, before.lines))
        _happen(happened, blocks, sliding)
        sliding.cumulative = self._blocks.auc
        self._sliding, self.curve = sliding, curve

    def figures(self, time_text: Callable[[int], str]) -> dict[str, Any]:
        """Figures as they are by now, with 95 % intervals by a bootstrap over blocks, and the curve, as JSON values.

        It settles first.
        """
        self.settle()
        last, hour, fading = self._sliding.last, self._sliding.hour, self._sliding.fading
        return {
            "last_windows": {"windows": LAST, **_forgetful(last.auc, last.events())},
            "last_hour": {"hours": 1, **_forgetful(hour.auc, hour.events())},
            "fading": {"half_life_hours": 1, "weights": list(fading.weights), **_now(fading.auc)},
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


def _happen(what: Iterable[tuple[str, float, int | None]], blocks: BlockScores, sliding: _Sliding) -> None:
    for block, score, closed in what:
        blocks.see(block, score, False, closed=False)  # whatever the rule made of it: each is the block's score now
        label = blocks.labels.get(block)
        if closed is not None and label is not None:
            sliding.closed(block, closed, score, label)


def _both(auc: StreamingAuc) -> tuple[float, float]:
    return auc.roc_auc(), auc.average_precision()


def _now(auc: StreamingAuc) -> dict[str, Any]:
    roc, precision = (json_number(figure) for figure in _both(auc))
    return {"anomalous": auc.anomalous, "normal": auc.normal, "roc_auc": roc, "average_precision": precision}


def _forgetful(auc: StreamingAuc, events: Events) -> dict[str, Any]:
    found = bootstrap(*events)
    return {
        **_now(auc),
        "roc_auc_interval": json_interval(found.roc_auc),
        "average_precision_interval": json_interval(found.average_precision),
    }
