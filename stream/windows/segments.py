"""Where windows begin and end in a block's lines, sorted by time: the one definition of what a window is.

Everything else (timers, watermarks, state) only decides *when* this is looked at, never what comes out.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stream.windows.settings import WindowSettings
from stream.windows.window import Reason


class Segment(NamedTuple):
    """Lines ``start`` to ``end`` (exclusive); it is closed, for ``reason``, once the watermark is past ``close_at``."""

    start: int
    end: int
    close_at: int
    reason: Reason


def segments(times: Sequence[int], settings: WindowSettings) -> list[Segment]:
    """Split ascending times (epoch ms) greedily: a line joins unless silence, age or number of lines ended the window.

    >>> [s[:2] for s in segments([0, 5, 200], WindowSettings(close_after=100))]
    [(0, 2), (2, 3)]
    """
    found = []
    start = 0
    while start < len(times):
        end = _end(times, start, settings)
        found.append(Segment(start, end, *_closing(times[start], times[end - 1], end - start, settings)))
        start = end
    return found


def undivided(first: int, last: int, lines: int, settings: WindowSettings) -> bool:
    """Whether lines from ``first`` to ``last`` (epoch ms) are one window, whatever lies between them."""
    span = last - first
    return span <= settings.close_after and span <= settings.max_age and lines <= settings.max_lines


def whole(first: int, last: int, lines: int, settings: WindowSettings) -> Segment:
    """The one segment of lines that are ``undivided``."""
    return Segment(0, lines, *_closing(first, last, lines, settings))


def _end(times: Sequence[int], start: int, settings: WindowSettings) -> int:
    last_end = min(start + settings.max_lines, len(times))
    oldest = times[start] + settings.max_age
    if undivided(times[start], times[last_end - 1], last_end - start, settings):
        return last_end  # nearly always: no need to look at each line
    for i in range(start + 1, last_end):
        if times[i] - times[i - 1] > settings.close_after or times[i] > oldest:
            return i
    return last_end


def _closing(first: int, last: int, lines: int, settings: WindowSettings) -> tuple[int, Reason]:
    if lines >= settings.max_lines:
        return last, Reason.MAX_LINES
    silent, old = last + settings.close_after, first + settings.max_age
    return (silent, Reason.SILENCE) if silent <= old else (old, Reason.MAX_AGE)
