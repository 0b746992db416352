"""How many due windows are judged for one commit: as many as take about half a second. Knows no windows and no clock.

In a backlog, event time runs so fast that windows are always due. What is judged at once then is judged for nothing
where the next lines go on with it, and each commit has its price. But where the memo knows none of the windows, the
model needs a second for a few hundred, and offsets and alarms should not wait longer.
"""

from stream.windows.task import SLICE

_MOST = 16 * SLICE
_QUICK_S, _SLOW_S = 0.5, 1.0


class Pace:
    """From ``SLICE`` windows to sixteen times as many, by the time from one commit to the next."""

    def __init__(self) -> None:
        self._slice = SLICE
        self._last: float | None = None

    def slice(self, now: float, used_up: bool) -> int:
        """The number for a commit that begins at ``now``, in s; ``used_up``: the last one left windows over."""
        if used_up and self._last is not None:
            took = now - self._last
            if took < _QUICK_S:
                self._slice = min(2 * self._slice, _MOST)
            elif took > _SLOW_S:
                self._slice = max(self._slice // 2, SLICE)
        self._last = now
        return self._slice
