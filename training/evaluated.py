"""Scores that were written to a file, as far as they tell what a replay measures. Knows no file and no scorer.

Rows of closed windows, in the order in which they closed, tell figures over time and drift; the windows of the log,
what there was to see in them, when the final verdict rang, and what the worst mistakes look like. How early a failure
was known provisionally no row says: for that the log must be replayed.
"""

import math
from array import array
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from stream.drift import WINDOWS_PER_FALSE_ALARM, Drift
from stream.rows import Row
from stream.windows.judge import time_text
from stream.windows.settings import WindowSettings
from stream.windows.window import Window
from training.blockscores import BlockScores
from training.contents import Contents
from training.delay import Delays, alarm_time, delays
from training.prequential import Point, Prequential
from training.pvalues import PValues


class EvaluatedRows:
    """Feed it with ``see``. Rows without a last time tell nothing over time, those without p-values no drift."""

    def __init__(self, labels: Mapping[str, bool]) -> None:
        self.blocks = BlockScores(labels)
        self.alarmed: set[tuple[str, int]] = set()  # block and part of the windows that were called anomalous
        self._prequential = Prequential(self.blocks)
        self._drift, self._drifted = Drift(), list[str]()
        self._every, self._normal = array("d"), array("d")
        self._lines = self._time = 0
        self._timed = self._strange = True

    def see(self, row: Row) -> None:
        """Take a row into account."""
        self.blocks.see(row.block_id, row.score, row.anomalous, closed=True)
        if row.anomalous:
            self.alarmed.add((row.block_id, row.part))
        self._every.append(row.p_value)
        if self.blocks.labels.get(row.block_id) is False and not math.isnan(row.p_value):
            self._normal.append(row.p_value)
        if row.last_time is None:
            self._timed = False
        elif self._timed:
            self._over_time(row, row.last_time)

    def p_values(self) -> PValues:
        """Of the windows so far."""
        return PValues(np.array(self._normal), np.array(self._every))

    @property
    def curve(self) -> list[Point]:
        """Figures over time; empty where the rows have no times."""
        return self._prequential.curve if self._timed else []

    def figures(self) -> dict[str, Any]:
        """``drift`` and ``prequential`` as a replay has them, None where the rows do not tell."""
        if not (self._timed and len(self._every)):
            return {"drift": None, "prequential": None}
        self._prequential.note(self._time, self._lines, ends=True)
        drift = {"times": self._drifted, "windows_per_false_alarm": WINDOWS_PER_FALSE_ALARM}
        return {"drift": drift if self._strange else None, "prequential": self._prequential.figures(time_text)}

    def _over_time(self, row: Row, time: int) -> None:
        self._lines += row.lines
        self._time = max(self._time, time)
        self._prequential.closed(row.block_id, time)
        self._prequential.note(self._time, self._lines)
        self._strange = self._strange and 0 < row.p_value <= 1
        if self._strange and self._drift.see(row.p_value):
            self._drifted.append(time_text(time))


class EvaluatedLog:
    """The closed windows of the log whose windows the rows are: feed it with ``see``."""

    def __init__(
        self, labels: Mapping[str, bool], alarmed: Collection[tuple[str, int]], settings: WindowSettings
    ) -> None:
        self.contents = Contents()
        self.kept: dict[str, list[Window]] = {}  # of blocks that are not known to be normal, or called anomalous
        self._labels, self._alarmed, self._settings = labels, alarmed, settings
        self._alarms: dict[str, int] = {}

    def see(self, window: Window) -> None:
        """Take a window into account."""
        self.contents.add(window)
        block, alarmed = window.block_id, (window.block_id, window.part) in self._alarmed
        if alarmed or self._labels.get(block) is not False:
            self.kept.setdefault(block, []).append(window)
        if alarmed:
            first, last = (time_text(window.times[i]) for i in (0, -1))
            rang = alarm_time({"reason": window.reason, "first_time": first, "last_time": last}, self._settings)
            self._alarms[block] = min(rang, self._alarms.get(block, rang))

    def delays(self) -> Delays:
        """Of failed blocks, to their first final verdict; provisional ones, which come sooner, no row tells."""
        failed = {block: windows for block, windows in self.kept.items() if self._labels.get(block)}
        return delays(failed, self._alarms, self.contents.bags(self._labels, anomalous=False))
