"""The open windows of one partition: lines go in, windows that are due come out, changes are kept for the changelog.

Decides *when* windows are looked at; what a window is, ``segments`` decides. Knows no scorer and no broker.

Whether a window is over is decided twice, by the same rule: when the alarm rings, so that it is scored, and line by
line before another one joins, so that it is over at the same place among the lines whenever alarms ring. What closes
is therefore the same for batches of any size.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stream.errors import StateError
from stream.windows.openwindow import OpenWindow, Published
from stream.windows.packed import unpack
from stream.windows.parts import Closed, Parts
from stream.windows.segments import Segment, segments
from stream.windows.settings import WindowSettings
from stream.windows.templates import TemplateTable
from stream.windows.timers import Timers, bucket_of
from stream.windows.window import Reason, Window

_Lines = list[tuple[int, str, int, int]]
"""Time, masked text, offset, template number: sorts into the canonical order."""


class Due(NamedTuple):
    """A window to be scored now, and the last event about the same part, if there was one."""

    key: bytes
    window: Window
    published: Published | None


class WindowStore:
    """Open windows by block id; all times are epoch ms of event time.

    ``progress`` is the clock's: its owner sets it with every line that moves the clock, which costs next to nothing;
    alarms ring in ``advance`` alone, once a batch.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self.settings = settings
        self.templates = TemplateTable()
        self.parts = Parts(memory=settings.close_after + settings.max_age)
        self.progress = 0
        self.late = 0
        self._rung = -1
        self._open: dict[bytes, OpenWindow] = {}
        self._quiet_alarms = Timers()
        self._close_alarms = Timers()
        self._due: list[Due] = []
        self._touched: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def alarms(self) -> int:
        """Alarms that are set, those that nobody waits for any more included."""
        return len(self._quiet_alarms) + len(self._close_alarms)

    def add(self, block: bytes, time: int, text: str, offset: int) -> None:
        """Put a line into its block's window, once what the watermark has ended there is closed."""
        watermark = self.progress - self.settings.lateness
        window = self._open.get(block)
        if window is not None and watermark > window.close_at:
            self._close(block, window, watermark)
            window = self._open.get(block)
        if window is None:
            window = self._open[block] = OpenWindow(self.parts.next(block, time, watermark))
        if time < watermark:
            self.late += 1
        self._keep_close_at(window, time)
        window.add(self.templates.number(text), time, offset)
        self._touched.add(block)
        if window.quiet_alarm < 0 or window.close_alarm < 0:
            self._set_alarms(block, window)
        if window.count >= 2 * self.settings.max_lines:
            self._close(block, window, watermark, keep=self.settings.max_lines)

    def advance(self, now: int) -> None:
        """Let the alarms ring: what is quiet or over at ``now`` becomes due. That is progress, or later where the
        partition is idle.
        """
        second = now // 1000
        if second == self._rung:
            return
        self._rung = second
        for bucket, block in self._close_alarms.ring(now):
            window = self._open.get(block)
            if window is not None and window.close_alarm == bucket:
                self._close_alarm(block, window, now - self.settings.lateness)
        for bucket, block in self._quiet_alarms.ring(now):
            window = self._open.get(block)
            if window is not None and window.quiet_alarm == bucket:
                self._quiet_alarm(block, window, now)
        self.parts.sweep(self.progress - self.settings.lateness)

    def all_quiet(self) -> None:
        """Nothing has come for so long that every window is quiet, whatever event time says."""
        for bucket, block in self._quiet_alarms.ring_all():
            window = self._open.get(block)
            if window is not None and window.quiet_alarm == bucket:
                window.quiet_alarm = -1
                if window.dirty:
                    self._quiet(block, window)

    def finish(self) -> None:
        """The input has ended: every window is closed."""
        for block, window in list(self._open.items()):
            self._close(block, window, self.progress - self.settings.lateness, keep=0)

    def take_due(self) -> list[Due]:
        """What is to be scored, in the order in which it became due."""
        due, self._due = self._due, []
        return due

    def record(self, key: bytes, part: int, published: Published) -> None:
        """Remember what was published about an open window; of no effect once it is closed."""
        window = self._open.get(key)
        if window is not None and part == window.part:
            window.published = published
            self._touched.add(key)

    def scored(self) -> list[bytes]:
        """Blocks about whose open window something was published."""
        return [block for block, window in self._open.items() if window.published]

    def look_again(self, blocks: Iterable[bytes]) -> None:
        """Make these windows due once more, for another provisional score; those with new lines come by themselves."""
        for block in blocks:
            window = self._open.get(block)
            if window is not None and window.published and not window.dirty:
                self._provisional(block, window)

    # ── state ──

    def take_changes(self) -> Iterator[tuple[bytes, OpenWindow | None]]:
        """Blocks whose window changed since the last call, with the window, or None if it is gone."""
        touched, self._touched = self._touched, set()
        return ((block, self._open.get(block)) for block in touched)

    def take_part_changes(self) -> Iterator[tuple[bytes, Closed | None]]:
        """Blocks whose number of closed parts changed since the last call, or None if it is forgotten."""
        return self.parts.take_changes()

    def restore(self, block: bytes, window: OpenWindow) -> None:
        """Put a window back as it was."""
        self._open[block] = window
        self._set_alarms(block, window)

    def check(self) -> None:
        """After everything is restored: raise StateError if a window names a template that is not there."""
        self.templates.check()
        for block, window in self._open.items():
            if window.top >= len(self.templates):
                raise StateError(f"window {block!r} names template {window.top}, which is not in the changelog")

    # ── inside ──

    def _keep_close_at(self, window: OpenWindow, time: int) -> None:
        """Before a line is added: keep ``close_at`` no later than the end of the first window then. It is exact while
        lines come in order; where they do not it may be too early, and ``_close`` mends it at a look.
        """
        settings = self.settings
        if window.count == 0:
            window.close_at = time + min(settings.close_after, settings.max_age)
        elif window.count + 1 >= settings.max_lines:
            if time < window.close_at:  # the full window's last line may be this one
                self._end_earlier(window, time)
        elif time < window.first:  # it may be a window of its own
            self._end_earlier(window, time + min(settings.close_after, settings.max_age))
        elif time <= window.close_at:
            latest = max(window.close_at, time + settings.close_after)
            window.close_at = min(latest, window.first + settings.max_age)

    def _end_earlier(self, window: OpenWindow, close_at: int) -> None:
        if close_at < window.close_at:
            window.close_at = close_at
            if bucket_of(close_at + self.settings.lateness + 1) < window.close_alarm:
                window.close_alarm = -1

    def _set_alarms(self, block: bytes, window: OpenWindow) -> None:
        if window.quiet_alarm < 0 and window.dirty:
            window.quiet_alarm = self._set(self._quiet_alarms, block, window.last + self.settings.quiet_after)
        if window.close_alarm < 0:
            window.close_alarm = self._set(self._close_alarms, block, window.close_at + self.settings.lateness + 1)

    def _set(self, alarms: Timers, block: bytes, due: int) -> int:
        bucket = alarms.set(block, due)
        if bucket <= self._rung:
            self._rung = -1  # for a second that is over: let it ring at the next call
        return bucket

    def _close_alarm(self, block: bytes, window: OpenWindow, watermark: int) -> None:
        window.close_alarm = -1
        if watermark > window.close_at:
            self._close(block, window, watermark)
        else:
            self._set_alarms(block, window)

    def _quiet_alarm(self, block: bytes, window: OpenWindow, now: int) -> None:
        window.quiet_alarm = -1
        if window.dirty and now - window.last >= self.settings.quiet_after:
            self._quiet(block, window)
        self._set_alarms(block, window)

    def _lines(self, block: bytes, window: OpenWindow) -> _Lines:
        text = self.templates.text
        lines = sorted((time, text(number), offset, number) for time, number, offset in unpack(window.body))
        if len(lines) != window.count:
            raise StateError(f"window {block!r} holds {len(lines)} lines, not {window.count}")
        return lines

    def _quiet(self, block: bytes, window: OpenWindow) -> None:
        self._provisional(block, window)
        window.dirty = False
        self._touched.add(block)

    def _provisional(self, block: bytes, window: OpenWindow) -> None:
        """A provisional score of the first window in these lines; the next one has its own once this one is closed."""
        lines = self._lines(block, window)
        first = segments([line[0] for line in lines], self.settings)[0]
        self._emit(block, window.part, lines[: first.end], Reason.QUIET, window.published)

    def _close(self, block: bytes, window: OpenWindow, watermark: int, keep: int | None = None) -> None:
        """Close the windows in these lines that the watermark has ended, and more until at most ``keep`` lines stay;
        the rest stays open, as the next part.
        """
        lines = self._lines(block, window)
        found = segments([line[0] for line in lines], self.settings)
        closed = sum(watermark > segment.close_at for segment in found)
        if keep is not None:
            closed = max(closed, sum(len(lines) - segment.start > keep for segment in found))
        for i, segment in enumerate(found[:closed]):
            reason = _reason(segment, watermark, last=i == len(found) - 1)
            published = window.published if i == 0 else None
            self._emit(block, window.part + i, lines[segment.start : segment.end], reason, published)
        self._touched.add(block)
        if closed == len(found):
            del self._open[block]
            self.parts.close(block, window.part + closed - 1, lines[-1][0])
            return
        if closed:
            window = self._open[block] = _rest(window.part + closed, lines[found[closed].start :])
        window.close_at = found[closed].close_at
        self._set_alarms(block, window)

    def _emit(self, block: bytes, part: int, lines: _Lines, reason: Reason, published: Published | None) -> None:
        times, texts, offsets, _ = zip(*lines, strict=True)
        window = Window(block.decode(errors="backslashreplace"), part, reason, texts, times, offsets)
        self._due.append(Due(block, window, published))


def _rest(part: int, lines: _Lines) -> OpenWindow:
    rest = OpenWindow(part)
    for time, _, offset, number in lines:
        rest.add(number, time, offset)
    return rest


def _reason(segment: Segment, watermark: int, last: bool) -> Reason:
    """Why it closes: the last window in the lines that is closed and not over can only be so for the input's end."""
    over = watermark > segment.close_at or segment.reason is Reason.MAX_LINES
    return Reason.END if last and not over else segment.reason
