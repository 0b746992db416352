"""How early the first window in a block's lines may end, kept line by line, without a look at all of them.

``close_at`` must never be later than the true end, which ``segments`` finds in the sorted lines. It may be earlier, at
the price of a look that closes nothing; so it is kept as close as can be told from the new line alone:

- A line before all others begins the window: it stands alone if it is too far ahead of the rest, and else the window
  ends as before, or by the age that counts from that line.
- The line that fills a window ends it. Which one that is, lines in disorder leave open. So a look at a window that may
  be full notes, of the lines that may still come before its end, the half (``spare``), and the time that its end
  cannot be before until then (``floor``). Each look that closes nothing halves what is left, so there are not more
  than log2(``max_lines``) of them for each window that closes, be lines as late as they like.
"""

from bisect import bisect_left
from collections.abc import Sequence

from stream.windows.openwindow import OpenWindow
from stream.windows.segments import Segment
from stream.windows.settings import WindowSettings


def expect(window: OpenWindow, time: int, settings: WindowSettings) -> None:
    """Before a line of this time is added: keep ``close_at`` no later than the end of the first window then."""
    if window.count == 0:
        window.close_at = alone_until(time, settings)
    elif window.count + 1 >= settings.max_lines:
        if time < window.close_at:
            _fill(window, time, settings)
    elif time < window.first:
        window.close_at = min(window.close_at, _end_of_front(window, time, settings))
    elif time <= window.close_at:
        latest = max(window.close_at, time + settings.close_after)
        window.close_at = min(latest, window.first + settings.max_age)


def note(window: OpenWindow, times: Sequence[int], first: Segment, watermark: int, settings: WindowSettings) -> None:
    """After a look at all lines: the sorted ``times`` of those that stay, the first window in them, which is not over
    at ``watermark``.
    """
    window.close_at = first.close_at
    window.spare = 0
    if window.count + 1 >= settings.max_lines:
        window.spare = (settings.max_lines - bisect_left(times, watermark)) // 2
        filling = settings.max_lines - 1 - window.spare
        window.floor = times[filling] if filling < len(times) else first.close_at


def stands_alone(window: OpenWindow, time: int, settings: WindowSettings) -> bool:
    """Whether a line of this time is too long before all others to be of one window with them."""
    return window.first - time > min(settings.close_after, settings.max_age)


def alone_until(time: int, settings: WindowSettings) -> int:
    """The end of a window of one line."""
    return time + min(settings.close_after, settings.max_age)


def _fill(window: OpenWindow, time: int, settings: WindowSettings) -> None:
    if window.spare > 0:
        window.spare -= 1
        end = window.floor
    else:
        end = time  # the line that fills it may be this one
    if time < window.first:
        end = min(end, _end_of_front(window, time, settings))
    window.close_at = min(end, window.close_at)


def _end_of_front(window: OpenWindow, time: int, settings: WindowSettings) -> int:
    if stands_alone(window, time, settings):
        return alone_until(time, settings)
    return time + settings.max_age
