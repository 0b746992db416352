"""An open window as it lies in memory and in the changelog: a header of fixed size and packed lines."""

import struct
from typing import NamedTuple

from stream.errors import StateError
from stream.windows.packed import append

_HEADER = struct.Struct("<BIIIIqqqqqd")
_DIRTY, _SCORED, _ANOMALOUS = 1, 2, 4


class Published(NamedTuple):
    """The last event about a window: how many there were, and what it said."""

    revision: int
    score: float
    anomalous: bool


class OpenWindow:
    """Lines of one block that are not closed yet; times in epoch ms.

    The lines may be of more windows than one: what silence, age or number has parted stays together until the
    watermark is past. ``part`` and ``published`` are about the first. ``close_at``: the watermark past which that one
    is over; it may be too early, never too late, for the lines themselves decide (``segments``). ``dirty``: lines came
    since the last provisional score. ``top`` is the greatest template number. ``quiet_alarm`` and ``close_alarm`` are
    the buckets of the alarms that are set, -1 for none: no part of what is saved.
    """

    __slots__ = (
        *("body", "count", "part", "top", "first", "last", "close_at", "dirty", "published"),
        *("quiet_alarm", "close_alarm", "_time", "_offset"),
    )

    def __init__(self, part: int) -> None:
        self.body = bytearray()
        self.count = self.top = 0
        self.part = part
        self.first = self.last = self.close_at = 0
        self.dirty = False
        self.published: Published | None = None
        self.quiet_alarm = self.close_alarm = -1
        self._time = self._offset = 0

    def add(self, template: int, time: int, offset: int) -> None:
        """Append a line; the caller keeps ``close_at``."""
        append(self.body, template, time - self._time, offset - self._offset)
        self._time, self._offset = time, offset
        if self.count == 0:
            self.first = self.last = time
        elif time > self.last:
            self.last = time
        elif time < self.first:
            self.first = time
        if template > self.top:
            self.top = template
        self.count += 1
        self.dirty = True

    def packed(self) -> bytes:
        """The body of the window's changelog record."""
        published = self.published
        flags = _DIRTY if self.dirty else 0
        if published is not None:
            flags |= _SCORED | (_ANOMALOUS if published.anomalous else 0)
        revision, score = (published.revision, published.score) if published else (0, 0.0)
        times = (self.first, self.last, self.close_at, self._time, self._offset)
        return _HEADER.pack(flags, self.count, self.part, self.top, revision, *times, score) + self.body

    @classmethod
    def unpacked(cls, body: bytes) -> "OpenWindow":
        """Read what ``packed`` wrote; raise StateError for what it cannot have written."""
        if len(body) < _HEADER.size:
            raise StateError("the window's record is cut short")
        window = cls(0)
        flags, window.count, window.part, window.top, revision, *rest = _HEADER.unpack_from(body)
        window.first, window.last, window.close_at, window._time, window._offset, score = rest
        window.body = bytearray(body[_HEADER.size :])
        if not (window.count and window.part):
            raise StateError("the window's record says that there is no window")
        window.dirty = bool(flags & _DIRTY)
        if flags & _SCORED:
            window.published = Published(revision, score, bool(flags & _ANOMALOUS))
        return window
