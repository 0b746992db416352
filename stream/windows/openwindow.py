"""An open window as it lies in memory and in the changelog: a header of fixed size and packed lines."""

import struct
from typing import NamedTuple

from stream.errors import StateError
from stream.windows.packed import append

VERSION = 1
_HEADER = struct.Struct("<BBIIIIqqqqqd")
_DIRTY, _SCORED, _ANOMALOUS = 1, 2, 4


class Published(NamedTuple):
    """The last event about a window: how many there were, and what it said."""

    revision: int
    score: float
    anomalous: bool


class OpenWindow:
    """Lines of one block that are not closed yet; times in epoch ms.

    ``close_at``: the watermark past which the first window in these lines may be closed. It may be too early, never
    too late: the lines themselves decide (``segments``). ``dirty``: lines came since the last provisional score.
    ``published`` is about part ``published_part``. ``timer`` is the bucket of the alarm that is set; -1 for none.
    """

    __slots__ = (
        *("body", "count", "part", "first", "last", "close_at", "dirty", "published", "published_part"),
        *("timer", "_time", "_offset"),
    )

    def __init__(self, part: int) -> None:
        self.body = bytearray()
        self.count = 0
        self.part = part
        self.first = self.last = self.close_at = 0
        self.dirty = False
        self.published: Published | None = None
        self.published_part = 0
        self.timer = -1
        self._time = self._offset = 0

    def add(self, template: int, time: int, offset: int) -> None:
        """Append a line; the caller keeps ``close_at``."""
        append(self.body, template, time - self._time, offset - self._offset)
        self._time, self._offset = time, offset
        if self.count == 0 or time < self.first:
            self.first = time
        if self.count == 0 or time > self.last:
            self.last = time
        self.count += 1
        self.dirty = True

    def packed(self) -> bytes:
        """The value of the window's changelog record."""
        published = self.published
        flags = _DIRTY if self.dirty else 0
        if published is not None:
            flags |= _SCORED | (_ANOMALOUS if published.anomalous else 0)
        revision, score = (published.revision, published.score) if published else (0, 0.0)
        header = (VERSION, flags, self.count, self.part, self.published_part, revision)
        times = (self.first, self.last, self.close_at, self._time, self._offset)
        return _HEADER.pack(*header, *times, score) + self.body

    @classmethod
    def unpacked(cls, value: bytes) -> "OpenWindow":
        """Read what ``packed`` wrote; raise StateError for anything else."""
        if not value or value[0] != VERSION:
            raise StateError(f"a window of version {value[0] if value else 'none'}; this program reads {VERSION}")
        if len(value) < _HEADER.size:
            raise StateError("a window's record is cut short")
        window = cls(0)
        _, flags, window.count, window.part, window.published_part, revision, *rest = _HEADER.unpack_from(value)
        window.first, window.last, window.close_at, window._time, window._offset, score = rest
        window.body = bytearray(value[_HEADER.size :])
        window.dirty = bool(flags & _DIRTY)
        if flags & _SCORED:
            window.published = Published(revision, score, bool(flags & _ANOMALOUS))
        return window
