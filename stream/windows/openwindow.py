"""An open window in hand, and as bytes: a header of fixed size and packed lines."""

import struct
from typing import NamedTuple

from stream.errors import StateError
from stream.windows.packed import append

_HEADER = struct.Struct("<BIIIIqqqqqd")
_COUNTS = struct.Struct("<xII")
_SUMMARY = struct.Struct("<B8xI12xqq")
_DIRTY, _SCORED, _ANOMALOUS = 1, 2, 4


Summary = tuple[int, int, int, bool]
"""Of a packed window: ``top``, ``last``, ``close_at`` and ``dirty``."""


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
    since the last provisional score. ``top`` is the greatest template number.

    No part of what is saved: ``touched``, whether anything that is has changed; ``quiet_alarm`` and ``close_alarm``,
    the buckets of the alarms that are set, -1 for none; ``spare`` and ``floor``, see ``ending``.
    """

    __slots__ = (
        *("body", "count", "part", "top", "first", "last", "close_at", "dirty", "published"),
        *("touched", "quiet_alarm", "close_alarm", "spare", "floor", "_time", "_offset"),
    )

    def __init__(self, part: int) -> None:
        self.body = bytearray()
        self.count = self.top = 0
        self.part = part
        self.first = self.last = self.close_at = 0
        self.dirty = self.touched = False
        self.published: Published | None = None
        self.quiet_alarm = self.close_alarm = -1
        self.spare = self.floor = 0
        self._time = self._offset = 0

    def add(self, template: int, time: int, offset: int) -> None:
        """Append a line; the caller keeps ``close_at``."""
        append(self.body, template, time - self._time, offset - self._offset)
        self._time = time
        self._offset = offset
        if self.count == 0:
            self.first = self.last = time
        elif time > self.last:
            self.last = time
        elif time < self.first:
            self.first = time
        if template > self.top:
            self.top = template
        self.count += 1
        self.dirty = self.touched = True

    def packed(self) -> bytes:
        """The window as bytes."""
        published = self.published
        flags = _DIRTY if self.dirty else 0
        if published is not None:
            flags |= _SCORED | (_ANOMALOUS if published.anomalous else 0)
        revision, score = (published.revision, published.score) if published else (0, 0.0)
        times = (self.first, self.last, self.close_at, self._time, self._offset)
        return _HEADER.pack(flags, self.count, self.part, self.top, revision, *times, score) + self.body

    @classmethod
    def unpacked(cls, packed: bytes, at: int = 0) -> "OpenWindow":
        """Read what ``packed`` wrote, from byte ``at`` on; ``check`` says whether it can be that."""
        window = cls.__new__(cls)
        flags, window.count, window.part, window.top, revision, *times, score = _HEADER.unpack_from(packed, at)
        window.first, window.last, window.close_at, window._time, window._offset = times
        window.body = bytearray(packed[at + _HEADER.size :])
        window.dirty = flags & _DIRTY != 0
        window.published = Published(revision, score, flags & _ANOMALOUS != 0) if flags & _SCORED else None
        window.touched = False
        window.quiet_alarm = window.close_alarm = -1
        window.spare = window.floor = 0
        return window


def check(packed: bytes, at: int = 0) -> None:
    """Raise StateError for bytes, from ``at`` on, that ``OpenWindow.packed`` cannot have written."""
    if len(packed) < at + _HEADER.size:
        raise StateError("the window's record is cut short")
    count, part = _COUNTS.unpack_from(packed, at)
    if not (count and part):
        raise StateError("the window's record says that there is no window")


def summary(packed: bytes, at: int = 0) -> Summary:
    """What is needed of a packed window, from byte ``at`` on, to set its alarms, without unpacking it."""
    flags, top, last, close_at = _SUMMARY.unpack_from(packed, at)
    return top, last, close_at, flags & _DIRTY != 0


def is_scored(packed: bytes, at: int = 0) -> bool:
    """Whether something was published about a packed window."""
    return packed[at] & _SCORED != 0
