"""The alarms of open windows: when one is to be looked at because it may be quiet, or over. Decides nothing else.

Alarms see whole seconds. A window keeps the buckets of its alarms, so that one which was set anew, or for a window
that is gone, does not ring twice.
"""

from collections.abc import Callable, Iterator

from stream.windows.openwindow import OpenWindow, Summary
from stream.windows.settings import WindowSettings
from stream.windows.timers import Timers, bucket_of

Ringing = Iterator[tuple[bytes, OpenWindow]]
"""Blocks and windows whose alarm rings as they are asked for; those that are not asked for ring the next time."""


class Alarms:
    """At most one alarm of each kind that counts for a window; ``find`` gives the open window of a block."""

    def __init__(self, settings: WindowSettings, find: Callable[[bytes], OpenWindow | None]) -> None:
        self._settings = settings
        self._find = find
        self._quiet = Timers()
        self._close = Timers()
        self._rung = -1

    def __len__(self) -> int:
        """Alarms that are set, those that nobody waits for any more included."""
        return len(self._quiet) + len(self._close)

    def set(self, block: bytes, window: OpenWindow) -> None:
        """Set the alarms that the window needs and has not."""
        if window.quiet_alarm < 0 and window.dirty:
            window.quiet_alarm = self._set(self._quiet, block, window.last + self._settings.quiet_after)
        if window.close_alarm < 0:
            window.close_alarm = self._set(self._close, block, self._over(window.close_at))

    def end_earlier(self, window: OpenWindow) -> None:
        """The end of the window came nearer: the alarm that is set may be too late."""
        if bucket_of(self._over(window.close_at)) < window.close_alarm:
            window.close_alarm = -1

    def restore(self, block: bytes, window: Summary) -> tuple[int, int]:
        """Set the alarms of a window that comes from the changelog; return the buckets for quiet and close."""
        _, last, close_at, dirty = window
        quiet = self._quiet.set(block, last + self._settings.quiet_after) if dirty else -1
        return quiet, self._close.set(block, self._over(close_at))

    def next_second(self, now: int) -> bool:
        """Whether alarms may ring now that did not at the last call."""
        second = now // 1000
        if second == self._rung:
            return False
        self._rung = second
        return True

    def still_ring(self, now: int) -> bool:
        """Whether alarms are due that were not asked for; ``next_second`` is true then."""
        if self._close.rings(now) or self._quiet.rings(now):
            self._rung = -1
            return True
        return False

    def over(self, now: int) -> Ringing:
        """Windows that may be over."""
        for bucket, block in self._close.ring(now):
            window = self._find(block)
            if window is not None and window.close_alarm == bucket:
                window.close_alarm = -1
                yield block, window

    def quiet(self, now: int | None) -> Ringing:
        """Windows that may be quiet; None for now: all with lines that were not scored yet."""
        for bucket, block in self._quiet.ring_all() if now is None else self._quiet.ring(now):
            window = self._find(block)
            if window is not None and window.quiet_alarm == bucket:
                window.quiet_alarm = -1
                yield block, window

    def _over(self, close_at: int) -> int:
        return close_at + self._settings.lateness + 1

    def _set(self, timers: Timers, block: bytes, due: int) -> int:
        bucket = timers.set(block, due)
        if bucket <= self._rung:
            self._rung = -1  # for a second that is over: let it ring at the next call
        return bucket
