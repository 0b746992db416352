"""What scores tell of themselves where nobody has labelled anything. Knows no file, no scorer and no label.

Nothing here says how many failures are found: without labels nobody can. It says whether what calibration promised
holds on other lines than it was made of: how many windows ring beside how many were to ring for nothing, whether the
p-values of those that do not ring are uniform as they should be, whether windows became stranger, and what a person
should look at first.
"""

import heapq
import math
from array import array
from typing import Any, NamedTuple

import numpy as np

from model.calibration import Calibration
from stream.drift import WINDOWS_PER_FALSE_ALARM, Drift
from stream.rows import Row
from stream.windows.judge import time_text
from training.evaluate import Floats, json_number
from training.pvalues import BINS, STATED
from training.uniform import LEAST, spread, uniformity

WORST = 20
"""Windows, and lines, that are shown."""
_HOUR = 3_600_000


class _Line(NamedTuple):
    """Alarms whose score one masked line carries most of: how many, and the highest of them."""

    windows: int
    worst: Row


class Unlabelled:
    """Feed it with ``see``, rows in the order in which their windows closed; rows without p-values tell less."""

    def __init__(self) -> None:
        self.windows = self.alarms = 0
        self._blocks: set[str] = set()
        self._quiet, self._ringing = array("d"), array("d")
        self._worst: list[tuple[float, int, Row]] = []
        self._lines: dict[str, _Line] = {}
        self._drift, self._drifted = Drift(), list[str]()
        self._first, self._last = math.inf, -math.inf
        self._timed = self._strange = True

    def see(self, row: Row) -> None:
        """Take a row into account."""
        self.windows += 1
        self.alarms += row.anomalous
        self._blocks.add(row.block_id)
        (self._ringing if row.anomalous else self._quiet).append(row.p_value)
        entry = (row.score, -self.windows, row)  # of equal scores the earlier one
        heapq.heappush(self._worst, entry) if len(self._worst) < WORST else heapq.heappushpop(self._worst, entry)
        if row.anomalous and row.worst_line:
            number, worst = self._lines.get(row.worst_line, _Line(0, row))
            self._lines[row.worst_line] = _Line(number + 1, row if row.score > worst.score else worst)
        self._over_time(row)

    def _over_time(self, row: Row) -> None:
        self._timed = self._timed and row.last_time is not None
        self._strange = self._strange and 0 < row.p_value <= 1
        if row.last_time is not None:
            self._first, self._last = min(self._first, row.last_time), max(self._last, row.last_time)
            if self._timed and self._strange and self._drift.see(row.p_value):
                self._drifted.append(time_text(row.last_time))

    def figures(self, known: Calibration) -> dict[str, Any]:
        """Every figure as JSON values, None for what the rows do not tell; ``known`` is what judged them."""
        return {
            "windows": self.windows,
            "blocks": len(self._blocks),
            "alarms": self._alarms(known),
            "calibration": self._calibration(known.closed.windows) if self._strange else None,
            "drift": self._drift_figures() if self._timed and self._strange else None,
            "alarm_lines": self._alarm_lines(),
            "worst": [_shown(row) for _, _, row in sorted(self._worst, reverse=True)],
        }

    def _alarms(self, known: Calibration) -> dict[str, Any]:
        hours = (self._last - self._first) / _HOUR if self._timed and self.windows else 0.0
        return {
            "windows": self.alarms,
            "share": self.alarms / self.windows if self.windows else None,
            "stated_share": known.false_alarms,
            "stated_windows": known.false_alarms * self.windows,
            "share_apart_in_training": known.apart,
            "hours": json_number(hours),
            "per_hour": self.alarms / hours if hours > 0 else None,
        }

    def _calibration(self, reference: int) -> dict[str, Any] | None:
        """p-values of windows that do not ring, which lie between the highest of an alarm's and 1, taken to 0 to 1."""
        from_, all_ = max(self._ringing, default=0.0), np.array([*self._quiet, *self._ringing])
        quiet = np.sort(np.array(self._quiet))
        quiet = quiet[quiet > from_]
        if len(quiet) < LEAST:
            return None
        uniform = (_spread(quiet, from_) - from_) / (1 - from_)
        test = uniformity(uniform, reference)
        return {
            "quiet_windows": test.windows,
            "ks_statistic": test.statistic,
            "ks_p_value": test.p_value,
            "histogram": np.histogram(uniform, BINS, (0, 1))[0].tolist(),
            "realised": {f"{stated:g}": float((all_ <= stated).mean()) for stated in STATED},
        }

    def _drift_figures(self) -> dict[str, Any]:
        return {"times": self._drifted, "windows_per_false_alarm": WINDOWS_PER_FALSE_ALARM}

    def _alarm_lines(self) -> list[dict[str, Any]]:
        found = sorted(self._lines.items(), key=lambda item: (-item[1].windows, item[0]))
        return [
            {"line": line, "windows": told.windows, "block_id": told.worst.block_id} for line, told in found[:WORST]
        ]


def _spread(quiet: Floats, from_: float) -> Floats:
    """p-values with ties broken at random: each between itself and the next smaller one that there is."""
    values = np.concatenate([[from_], np.unique(quiet)])
    return spread(quiet, values[np.searchsorted(values, quiet) - 1], np.random.default_rng(0))


def _shown(row: Row) -> dict[str, Any]:
    return {
        "block_id": row.block_id,
        "part": row.part,
        "score": json_number(row.score),
        "p_value": json_number(row.p_value),
        "anomalous": row.anomalous,
        "lines": row.lines,
        "last_time": None if row.last_time is None else time_text(row.last_time),
        "worst_line": row.worst_line,
    }
