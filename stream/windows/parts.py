"""How many windows of a block are closed already, so that a block that comes back goes on with the next part.

It cannot be remembered for ever: after ``memory`` ms of silence a block counts as new. Whether it does is decided by
the times of its own lines (and by the watermark for lines that are later than the lateness), never by the moment at
which an entry is swept out. Knows no lines.
"""

from collections.abc import Iterator
from typing import NamedTuple

from stream.windows.timers import Timers


class Closed(NamedTuple):
    """Closed parts of a block, and the event time (ms) past which they are forgotten."""

    parts: int
    forget_at: int


class Parts:
    """Closed parts by block."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._known: dict[bytes, Closed] = {}
        self._timers = Timers()
        self._touched: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._known)

    def next(self, block: bytes, time: int, watermark: int) -> int:
        """The number of the window that a line of this time begins, when the watermark stands there."""
        known = self._known.get(block)
        return 1 if known is None or max(time, watermark) > known.forget_at else known.parts + 1

    def close(self, block: bytes, parts: int, last: int) -> None:
        """``parts`` windows of the block are closed; the last line of all was at ``last``."""
        known = self._known.get(block)
        forget_at = last + self._memory
        self.restore(block, parts, max(forget_at, known.forget_at) if known else forget_at)
        self._touched.add(block)

    def sweep(self, watermark: int) -> None:
        """Forget what the watermark has passed."""
        for _, block in self._timers.ring(watermark):
            known = self._known.get(block)
            if known is not None and watermark > known.forget_at:
                del self._known[block]
                self._touched.add(block)

    def take_changes(self) -> Iterator[tuple[bytes, Closed | None]]:
        """Blocks whose entry changed since the last call, with the entry, or None if it is gone."""
        touched, self._touched = self._touched, set()
        return ((block, self._known.get(block)) for block in touched)

    def forget(self, block: bytes) -> None:
        """Take out an entry while restoring, as ``sweep`` once did."""
        self._known.pop(block, None)

    def restore(self, block: bytes, parts: int, forget_at: int) -> None:
        """Put an entry back as it was."""
        self._known[block] = Closed(parts, forget_at)
        self._timers.set(block, forget_at + 1)
