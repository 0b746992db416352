"""The open windows of one partition: lines go in, windows that are due come out, changes are kept for the changelog.

Decides *when* windows are looked at; what a window is, ``segments`` decides. Knows no scorer and no broker.
"""

from collections.abc import Iterator
from typing import NamedTuple

from stream.windows.openwindow import OpenWindow, Published
from stream.windows.packed import unpack
from stream.windows.segments import Segment, segments
from stream.windows.settings import WindowSettings
from stream.windows.templates import TemplateTable
from stream.windows.timers import Timers
from stream.windows.window import Reason, Window

_Lines = list[tuple[int, str, int, int]]
"""Time, masked text, offset, template number: sorts into the canonical order."""


class Due(NamedTuple):
    """A window to be scored now, and the last event about the same part, if there was one."""

    key: bytes
    window: Window
    published: Published | None


class WindowStore:
    """Open windows by block id; all times are epoch ms of event time, ``progress`` is the clock's."""

    def __init__(self, settings: WindowSettings) -> None:
        self.settings = settings
        self.templates = TemplateTable()
        self.late = 0
        self._progress = 0
        self._open: dict[bytes, OpenWindow] = {}
        self._parts: dict[bytes, tuple[int, int]] = {}  # block → parts that are closed, when to forget it
        self._timers = Timers()
        self._forget = Timers()
        self._due: list[Due] = []
        self._touched: set[bytes] = set()
        self._touched_parts: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, block: bytes, time: int, text: str, offset: int) -> None:
        """Put a line into its block's window. What the watermark has ended is closed first, line by line, so that
        neither the size of a batch nor the moment of ``advance`` can change a window.
        """
        watermark = self._progress - self.settings.lateness
        window = self._open.get(block)
        if window is not None and watermark > window.close_at:
            self._close(block, window, watermark)
            window = self._open.get(block)
        if window is None:
            window = self._open[block] = self._new(block)
        if time < watermark:
            self.late += 1
        window.add(self.templates.number(text), time, offset)
        self._keep_close_at(window, time)
        self._touched.add(block)
        if window.count >= 2 * self.settings.max_lines:
            self._close(block, window, watermark, at_least=1)
        else:
            self._set_alarm(block, window)

    def advance(self, progress: int) -> None:
        """Let event time go on: what is quiet or over becomes due."""
        if progress <= self._progress:
            return
        self._progress = progress
        for bucket, block in list(self._timers.ring(progress)):
            window = self._open.get(block)
            if window is not None and window.timer == bucket:
                window.timer = -1
                self._look(block, window)
        for _, block in list(self._forget.ring(progress)):
            if block in self._parts and self._parts[block][1] <= progress:
                del self._parts[block]
                self._touched_parts.add(block)

    def finish(self) -> None:
        """The input has ended: every window is closed."""
        for block, window in list(self._open.items()):
            self._close(block, window, self._progress - self.settings.lateness, end=True)

    def take_due(self) -> list[Due]:
        """What is to be scored, in the order in which it became due."""
        due, self._due = self._due, []
        return due

    def record(self, key: bytes, part: int, published: Published) -> None:
        """Remember what was published about an open window; of no effect once it is closed."""
        window = self._open.get(key)
        if window is not None and part >= window.part:
            window.published, window.published_part = published, part
            self._touched.add(key)

    # ── state ──

    def take_changes(self) -> Iterator[tuple[bytes, OpenWindow | None]]:
        """Blocks whose window changed since the last call, with the window, or None if it is gone."""
        touched, self._touched = self._touched, set()
        return ((block, self._open.get(block)) for block in touched)

    def take_part_changes(self) -> Iterator[tuple[bytes, tuple[int, int] | None]]:
        """Blocks whose number of closed parts changed, with ``(parts, forget at)``, or None."""
        touched, self._touched_parts = self._touched_parts, set()
        return ((block, self._parts.get(block)) for block in touched)

    def restore(self, block: bytes, window: OpenWindow) -> None:
        """Put a window back as it was."""
        self._open[block] = window
        self._set_alarm(block, window)

    def restore_parts(self, block: bytes, parts: int, forget_at: int) -> None:
        """Put a block's number of closed parts back."""
        self._parts[block] = (parts, forget_at)
        self._forget.set(block, forget_at)

    # ── inside ──

    def _new(self, block: bytes) -> OpenWindow:
        known = self._parts.pop(block, None)
        if known is not None:
            self._touched_parts.add(block)
        return OpenWindow(1 + (known[0] if known else 0))

    def _keep_close_at(self, window: OpenWindow, time: int) -> None:
        settings = self.settings
        if window.count == 1:
            window.close_at = time + min(settings.close_after, settings.max_age)
        elif time <= window.close_at:
            latest = max(window.close_at, time + settings.close_after)
            window.close_at = min(latest, window.first + settings.max_age)
        if window.count >= settings.max_lines:
            window.close_at = min(window.close_at, window.last)

    def _set_alarm(self, block: bytes, window: OpenWindow) -> None:
        due = window.close_at + self.settings.lateness + 1
        if window.dirty:
            due = min(due, window.last + self.settings.quiet_after)
        if window.timer < 0 or due // 1000 < window.timer:
            window.timer = self._timers.set(block, due)

    def _look(self, block: bytes, window: OpenWindow) -> None:
        watermark = self._progress - self.settings.lateness
        if watermark > window.close_at:
            self._close(block, window, watermark)
        current = self._open.get(block)
        if current is not None:
            if current.dirty and self._progress - current.last >= self.settings.quiet_after:
                self._quiet(block, current)
            self._set_alarm(block, current)

    def _lines(self, window: OpenWindow) -> _Lines:
        text = self.templates.text
        return sorted((time, text(number), offset, number) for time, number, offset in unpack(window.body))

    def _quiet(self, block: bytes, window: OpenWindow) -> None:
        """A provisional score: of the last window in these lines, if silence has split them but not closed them yet."""
        lines = self._lines(window)
        found = segments([line[0] for line in lines], self.settings)
        last = found[-1]
        self._emit(block, window, window.part + len(found) - 1, lines[last.start : last.end], Reason.QUIET)
        window.dirty = False
        self._touched.add(block)

    def _close(self, block: bytes, window: OpenWindow, watermark: int, *, at_least: int = 0, end: bool = False) -> None:
        """Close the windows in these lines that the watermark has ended; the rest stays open, as the next part."""
        lines = self._lines(window)
        found = segments([line[0] for line in lines], self.settings)
        closed = len(found) if end else max(at_least, sum(watermark > s.close_at for s in found))
        for i, segment in enumerate(found[:closed]):
            reason = _reason(segment, watermark, last=end and i == len(found) - 1)
            self._emit(block, window, window.part + i, lines[segment.start : segment.end], reason)
        self._touched.add(block)
        if closed == len(found):
            del self._open[block]
            self._remember(block, window.part + closed - 1, lines[-1][0])
        elif closed:
            self._open[block] = self._rest(window, closed, lines[found[closed].start :], found[closed].close_at)
            self._set_alarm(block, self._open[block])
        else:
            window.close_at = found[0].close_at
            self._set_alarm(block, window)

    def _rest(self, window: OpenWindow, closed: int, lines: _Lines, close_at: int) -> OpenWindow:
        rest = OpenWindow(window.part + closed)
        for time, _, offset, number in lines:
            rest.add(number, time, offset)
        rest.close_at, rest.dirty = close_at, window.dirty
        if window.published_part >= rest.part:
            rest.published, rest.published_part = window.published, window.published_part
        return rest

    def _remember(self, block: bytes, parts: int, last: int) -> None:
        forget_at = last + self.settings.close_after + self.settings.max_age
        self.restore_parts(block, parts, forget_at)
        self._touched_parts.add(block)

    def _emit(self, block: bytes, window: OpenWindow, part: int, lines: _Lines, reason: Reason) -> None:
        times, texts, offsets, _ = zip(*lines, strict=True)
        published = window.published if part == window.published_part else None
        self._due.append(Due(block, Window(block.decode(), part, reason, texts, times, offsets), published))


def _reason(segment: Segment, watermark: int, last: bool) -> Reason:
    ended = watermark > segment.close_at or segment.reason is Reason.MAX_LINES
    return Reason.END if last and not ended else segment.reason
