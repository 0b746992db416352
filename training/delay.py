"""Detection delay: event time from the first line of a failed block that differs to the block's first alarm.

A line *differs* if with it the lines of its window so far fit no window of a normal block: none has at least as many of
every kind. So it is the first moment at which the log itself, read with the labels, shows that something is wrong; no
scorer is asked. A failure may consist in what does not come: then no line differs, and the delay counts from the
block's last line. An alarm rings when a window is due: ``quiet_after`` behind its last line while it is open,
``close_after`` and the lateness behind it when it has been silent.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream.windows.settings import WindowSettings
from stream.windows.window import Reason, Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHARES = {"min": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "max": 1}


class Delays(NamedTuple):
    """Seconds from the first line that differs, and from the last line where none does, for blocks that were found;
    ``missed`` raised no alarm.
    """

    from_difference: npt.NDArray[np.float64]
    from_last_line: npt.NDArray[np.float64]
    missed: int


def alarm_time(event: Mapping[str, Any], settings: WindowSettings) -> int:
    """When the alarm of a scored window rings, in epoch ms of event time. Input that ends is as good as silence."""
    first, last = _epoch_ms(event["first_time"]), _epoch_ms(event["last_time"])
    if event["reason"] == Reason.QUIET:
        return last + settings.quiet_after
    if event["reason"] == Reason.MAX_AGE:
        return first + settings.max_age + settings.lateness
    if event["reason"] in (Reason.SILENCE, Reason.END):
        return last + settings.close_after + settings.lateness
    return last


def delays(
    failed: Mapping[str, Sequence[Window]], alarms: Mapping[str, int], healthy: Sequence[Counter[str]]
) -> Delays:
    """Delays of failed blocks (their closed windows in order), by their first alarm (epoch ms) if there was one;
    ``healthy`` are the bags of lines of the windows of normal blocks.
    """
    differs = Differs(healthy)
    from_difference, from_last_line, missed = [], [], 0
    for block, windows in sorted(failed.items()):
        if (rang := alarms.get(block)) is None:
            missed += 1
        elif (since := next((t for w in windows if (t := differs.since(w)) is not None), None)) is not None:
            from_difference.append((rang - since) / 1000)
        else:
            from_last_line.append((rang - windows[-1].times[-1]) / 1000)
    return Delays(np.array(from_difference), np.array(from_last_line), missed)


def delay_figures(found: Delays) -> dict[str, Any]:
    """As JSON values: seconds, quantiles of blocks that were found. Negative: the alarm came before that line."""
    return {
        "from_first_differing_line": _spread(found.from_difference),
        "from_last_line": _spread(found.from_last_line),
        "never": found.missed,
    }


class Differs:
    """Finds the first line that differs; answers are remembered by content."""

    def __init__(self, healthy: Sequence[Counter[str]]) -> None:
        self._kinds = {text: i for i, text in enumerate(sorted({text for bag in healthy for text in bag}))}
        self._healthy = np.zeros((len(healthy), len(self._kinds)), np.int32)  # (bags, kinds)
        for row, bag in zip(self._healthy, healthy, strict=True):
            row[[self._kinds[text] for text in bag]] = list(bag.values())
        self._known: dict[tuple[str, ...], int | None] = {}

    def since(self, window: Window) -> int | None:
        """The time of the first line that differs, in epoch ms; None if none does."""
        if window.texts not in self._known:
            self._known[window.texts] = self._first(window.texts)
        first = self._known[window.texts]
        return None if first is None else window.times[first]

    def _first(self, texts: Sequence[str]) -> int | None:
        left = self._healthy
        seen: Counter[str] = Counter()
        for i, text in enumerate(texts):
            seen[text] += 1
            if (kind := self._kinds.get(text)) is None:
                return i
            left = left[left[:, kind] >= seen[text]]
            if not len(left):
                return i
        return None


def _epoch_ms(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def _spread(seconds: npt.NDArray[np.float64]) -> dict[str, float | int | None]:
    """Quantiles of what was observed, nothing interpolated."""
    if not len(seconds):
        return {"blocks": 0, **dict.fromkeys(_SHARES)}
    found = np.quantile(seconds, list(_SHARES.values()), method="inverted_cdf").tolist()
    return {"blocks": len(seconds), **dict(zip(_SHARES, found, strict=True))}
