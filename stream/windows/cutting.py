"""Cuts windows out of a block's lines, to be scored: those that are over, and those so far. ``segments`` says where.

Decides neither when that is, nor which lines a block has. Knows no scorer and no broker.
"""

from stream.windows import ending
from stream.windows.alarms import Alarms
from stream.windows.due import Due
from stream.windows.looks import Lines, Looks
from stream.windows.openwindow import OpenWindow
from stream.windows.parts import Parts
from stream.windows.segments import Segment, segments, undivided, whole
from stream.windows.settings import WindowSettings
from stream.windows.shelf import Shelf
from stream.windows.templates import TemplateTable
from stream.windows.window import Reason


class Cutter:
    """``due`` is what was cut, in its order, for whoever takes it; what a block has left stays on the shelf."""

    def __init__(
        self, settings: WindowSettings, shelf: Shelf, templates: TemplateTable, alarms: Alarms, parts: Parts
    ) -> None:
        self.due: list[Due] = []
        self._settings = settings
        self._shelf = shelf
        self._alarms = alarms
        self._parts = parts
        self._looks = Looks(templates)

    @property
    def looks(self) -> int:
        """How often a window was looked at, all its lines or which ones there are."""
        return self._looks.number

    def so_far(self, block: bytes, window: OpenWindow) -> None:
        """A provisional score of the first window in these lines; the next one has its own once this one is closed."""
        if undivided(window.first, window.last, window.count, self._settings):
            due = self._looks.whole(block, window, Reason.QUIET)
        else:
            lines = self._looks.lines(block, window)
            first = segments([line[0] for line in lines], self._settings)[0]
            due = self._looks.part(block, window.part, lines[: first.end], Reason.QUIET, window.published)
        self.due.append(due)

    def close(
        self, block: bytes, window: OpenWindow, watermark: int, keep: int | None = None, end: Reason = Reason.END
    ) -> None:
        """Close the windows in these lines that the watermark has ended, and more until at most ``keep`` lines stay;
        the rest stays open, as the next part. ``end`` is the reason of the last one where all close and it is not over.
        """
        ends = window.first, window.last, window.count
        if undivided(*ends, self._settings):
            only = whole(*ends, self._settings)
            if keep == 0 or watermark > only.close_at:
                self.due.append(self._looks.whole(block, window, _reason(only, watermark, end)))
                self._closed(block, window.part, window.last)
                return
        lines = self._looks.lines(block, window)
        found = segments([line[0] for line in lines], self._settings)
        closed = sum(watermark > segment.close_at for segment in found)
        if keep is not None:
            closed = max(closed, sum(len(lines) - segment.start > keep for segment in found))
        for i, segment in enumerate(found[:closed]):
            reason = _reason(segment, watermark, end if i == len(found) - 1 else None)
            published = window.published if i == 0 else None
            part = lines[segment.start : segment.end]
            self.due.append(self._looks.part(block, window.part + i, part, reason, published))
        if closed == len(found):
            self._closed(block, window.part + closed - 1, lines[-1][0])
            return
        stay = lines[found[closed].start :]
        if closed:
            window = _rest(window.part + closed, stay)
            self._shelf.put(block, window)
        ending.note(window, [line[0] for line in stay], found[closed], watermark, self._settings)
        window.touched = True
        self._alarms.set(block, window)

    def close_alone(self, block: bytes, window: OpenWindow, line: tuple[int, str, int, int]) -> None:
        """Close the line as the next part, as a look at all lines would; hostile lines would make that dear."""
        reason = segments(line[:1], self._settings)[0].reason
        self.due.append(self._looks.part(block, window.part, [line], reason, window.published))
        window.part += 1
        window.published = None
        window.dirty = window.touched = True
        self._alarms.set(block, window)

    def _closed(self, block: bytes, part: int, last: int) -> None:
        """All lines of a block are closed; ``last`` is the time of its last line, in its last window ``part``."""
        self._shelf.drop(block)
        self._parts.close(block, part, last)


def _rest(part: int, lines: Lines) -> OpenWindow:
    rest = OpenWindow(part)
    for time, _, offset, number in lines:
        rest.add(number, time, offset)
    return rest


def _reason(segment: Segment, watermark: int, end: Reason | None) -> Reason:
    """Why it closes; ``end`` for the last window in the lines that closes without being over."""
    over = watermark > segment.close_at or segment.reason is Reason.MAX_LINES
    return end if end and not over else segment.reason
