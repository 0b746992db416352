"""The open windows of one partition: lines go in, windows that are due come out, changes are kept for the changelog.

Decides *when* windows are looked at; what a window is, ``segments`` decides. Knows no scorer and no broker.

Whether a window is over is decided twice, by the same rule: when the alarm rings, so that it is scored, and line by
line before another one joins, so that it is over at the same place among the lines whenever alarms ring. What closes
is therefore the same for batches of any size. So it is where there are too many windows: before the oldest gives way,
all alarms ring that are due at the place of the line. They see whole seconds, so that what they close does not depend
on how often they rang before.
"""

from collections.abc import Iterable, Iterator

from stream.errors import StateError
from stream.windows import ending
from stream.windows.alarms import Alarms, Ringing
from stream.windows.cutting import Cutter
from stream.windows.due import Due
from stream.windows.oldest import Oldest
from stream.windows.openwindow import OpenWindow, Published, Summary
from stream.windows.parts import Closed, Parts
from stream.windows.settings import WindowSettings
from stream.windows.shelf import Shelf
from stream.windows.templates import TemplateTable
from stream.windows.window import Reason


class WindowStore:
    """Open windows by block id; all times are epoch ms of event time.

    ``progress`` is the clock's: its owner sets it with every line that moves the clock, which costs next to nothing;
    alarms ring in ``advance`` alone, once a batch. ``late`` counts lines later than the lateness, ``evicted`` windows
    that closed because there were too many. ``waiting``: more may be due than the ``most`` that were asked for before
    the last ``take_due``.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self.settings = settings
        self.templates = TemplateTable()
        self.parts = Parts(memory=settings.close_after + settings.max_age)
        self.progress = 0
        self.late = self.evicted = 0
        self.waiting = False
        self._open = Shelf()
        self._in_hand = self._open.hand.get
        self.holds = self._open.rest.__contains__  # whether a block has an open window
        self._alarms = Alarms(settings, self._open.get)
        self._cutter = Cutter(settings, self._open, self.templates, self._alarms, self.parts)
        self._oldest: Oldest | None = None  # only once there were too many
        self._more = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def size(self) -> int:
        """Bytes that the open windows take, packed, as of the last ``take_changes``."""
        return self._open.size

    @property
    def looks(self) -> int:
        """How often a window was looked at, all its lines or which ones there are."""
        return self._cutter.looks

    @property
    def alarms(self) -> int:
        """Alarms that are set, those that nobody waits for any more included."""
        return len(self._alarms)

    def add(self, block: bytes, time: int, text: str, offset: int) -> None:
        """Put a line into its block's window, once what the watermark has ended there is closed."""
        settings = self.settings
        watermark = self.progress - settings.lateness
        if time < watermark:
            self.late += 1
        window = self._in_hand(block) or self._open.get(block)
        if window is None or not (
            window.first <= time <= window.close_at >= watermark and window.count + 1 < settings.max_lines
        ):
            self._add_slowly(block, window, (time, text, offset), watermark)
            return
        # Nearly every line: neither the first of a window nor its last, nor before its first. See ``ending.expect``.
        if (latest := time + settings.close_after) > window.close_at:
            window.close_at = min(latest, window.first + settings.max_age)
        window.add(self.templates.number(text), time, offset)
        if window.quiet_alarm < 0 or window.close_alarm < 0:
            self._alarms.set(block, window)

    def _add_slowly(self, block: bytes, window: OpenWindow | None, line: tuple[int, str, int], watermark: int) -> None:
        time, text, offset = line
        if window is not None and watermark > window.close_at:
            self._cutter.close(block, window, watermark)
            window = self._open.get(block)
        if window is None:
            window = self._opened(block, time, watermark)
        elif self._over_already(window, time, watermark):
            self._cutter.close_alone(block, window, (time, text, offset, self.templates.number(text)))
            return
        close_at = window.close_at
        ending.expect(window, time, self.settings)
        window.add(self.templates.number(text), time, offset)
        if window.close_at < close_at:
            self._alarms.end_earlier(window)
        if window.quiet_alarm < 0 or window.close_alarm < 0:
            self._alarms.set(block, window)
        if window.count >= 2 * self.settings.max_lines:
            self._cutter.close(block, window, watermark, keep=self.settings.max_lines)

    def advance(self, now: int, most: int | None = None) -> None:
        """Let the alarms ring: what is quiet or over at ``now`` becomes due. That is progress, or later where the
        partition is idle. No more rings once ``most`` windows are due: what is left rings at a later call.
        """
        if not self._alarms.next_second(now):
            return
        self._close_over(now, most)
        for block, window in self._until(most, self._alarms.quiet(now)):
            if window.dirty and now - window.last >= self.settings.quiet_after:
                self._quiet(block, window)
            self._alarms.set(block, window)
        self._more = self._alarms.still_ring(now) or self._more
        self.parts.sweep(self.progress - self.settings.lateness)

    def all_quiet(self, most: int | None = None) -> None:
        """Nothing has come for so long that every window is quiet, whatever event time says. As in ``advance``, no more
        than ``most`` become due.
        """
        for block, window in self._until(most, self._alarms.quiet(None)):
            if window.dirty:
                self._quiet(block, window)
        self._more = self._more or (most is not None and len(self._cutter.due) >= most)

    def finish(self) -> None:
        """The input has ended: every window is closed."""
        for block in list(self._open):
            self._cutter.close(block, self._held(block), self.progress - self.settings.lateness, keep=0)

    def take_due(self) -> list[Due]:
        """What is to be scored, in the order in which it became due."""
        due, self._cutter.due = self._cutter.due, []
        self.waiting, self._more = self._more, False
        return due

    def record(self, key: bytes, part: int, published: Published) -> None:
        """Remember what was published about an open window; of no effect once it is closed."""
        window = self._open.get(key)
        if window is not None and part == window.part:
            window.published = published
            window.touched = True

    def scored(self) -> list[bytes]:
        """Blocks about whose open window something was published."""
        return self._open.scored()

    def look_again(self, blocks: Iterable[bytes]) -> None:
        """Make these windows due once more, for another provisional score; those with new lines come by themselves."""
        for block in blocks:
            window = self._open.get(block)
            if window is not None and window.published and not window.dirty:
                self._cutter.so_far(block, window)

    # ── state ──

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Blocks whose window changed since the last call, with the window's record, or None if it is gone."""
        return self._open.lay_down()

    def take_part_changes(self) -> Iterator[tuple[bytes, Closed | None]]:
        """Blocks whose number of closed parts changed since the last call, or None if it is forgotten."""
        return self.parts.take_changes()

    def restore(self, block: bytes, record: bytes | None) -> None:
        """Put a window's record back, the latest so far, or take it out; raise StateError if it is damaged."""
        self._open.restore(block, record)

    def restored(self) -> None:
        """Everything is restored: raise StateError if a window names a template that is not there."""
        self.templates.check()
        self._open.restored(self._restored)

    # ── inside ──

    def _opened(self, block: bytes, time: int, watermark: int) -> OpenWindow:
        """A new window for a line of this time, and room for it."""
        if len(self._open) >= self.settings.max_open_windows:
            self._make_room(watermark)
        window = OpenWindow(self.parts.next(block, time, watermark))
        self._open.put(block, window)
        if self._oldest is not None:
            self._oldest.push(time, block)
        return window

    def _make_room(self, watermark: int) -> None:
        self._close_over(self.progress)
        while len(self._open) >= self.settings.max_open_windows:
            if self._oldest is None:
                self._oldest = Oldest(self._open, self._open.last)
            block = self._oldest.pop()
            self._cutter.close(block, self._held(block), watermark, keep=0, end=Reason.EVICTED)
            self.evicted += 1

    def _held(self, block: bytes) -> OpenWindow:
        window = self._open.get(block)
        if window is None:
            raise StateError(f"block {block!r} has no open window")
        return window

    def _close_over(self, now: int, most: int | None = None) -> None:
        """Close what is over at the whole second of ``now``."""
        watermark = now - now % 1000 - self.settings.lateness
        for block, window in self._until(most, self._alarms.over(now)):
            if watermark > window.close_at:
                self._cutter.close(block, window, watermark)
            else:
                self._alarms.set(block, window)

    def _until(self, most: int | None, ringing: Ringing) -> Ringing:
        while most is None or len(self._cutter.due) < most:
            rung = next(ringing, None)
            if rung is None:
                return
            yield rung

    def _restored(self, block: bytes, window: Summary) -> tuple[int, int]:
        if window[0] >= len(self.templates):
            raise StateError(f"window {block!r} names template {window[0]}, which is not in the changelog")
        return self._alarms.restore(block, window)

    def _over_already(self, window: OpenWindow, time: int, watermark: int) -> bool:
        """Whether a line of this time would be a window of its own that is over: nothing can join it any more. (The one
        that makes the lines too many waits for the others, which are cut with it.)
        """
        return (
            time < window.first
            and window.count + 1 < 2 * self.settings.max_lines
            and ending.stands_alone(window, time, self.settings)
            and watermark > ending.alone_until(time, self.settings)
        )

    def _quiet(self, block: bytes, window: OpenWindow) -> None:
        self._cutter.so_far(block, window)
        window.dirty = False
        window.touched = True
