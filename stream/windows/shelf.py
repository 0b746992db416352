"""Where the open windows of a partition lie: those of this commit interval in hand, as objects; all others at rest.

A window at rest is one ``bytes``: the alarms that are set for it, then the value of its changelog record. That is what
a commit makes of it anyway, a quarter of the objects' memory, invisible to the garbage collector, and a restored
window needs not even be unpacked. It comes to hand with its next line or alarm. Knows no rule of windows.
"""

import struct
from collections.abc import Callable, Iterator

from stream.windows.openwindow import OpenWindow, Summary, check, is_scored, summary
from stream.windows.records import FRAME_BYTES, opened, sealed

_ALARMS = struct.Struct("<qq")
_BODY = _ALARMS.size + FRAME_BYTES
_NEW = b""


class Shelf:
    """Open windows by block. ``rest`` holds all, ``hand`` those that are in hand; both are to be read only. ``size`` is
    how many bytes lie at rest.
    """

    def __init__(self) -> None:
        self.rest: dict[bytes, bytes] = {}  # every open window, as it was when it was laid here
        self.hand: dict[bytes, OpenWindow] = {}  # as it is now
        self.size = 0
        self._gone: set[bytes] = set()

    def __len__(self) -> int:
        return len(self.rest)

    def __contains__(self, block: object) -> bool:
        return block in self.rest

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.rest)

    def get(self, block: bytes) -> OpenWindow | None:
        """The window of a block, in hand from now on; None if there is none."""
        window = self.hand.get(block)
        if window is None and (value := self.rest.get(block)) is not None:
            window = self.hand[block] = OpenWindow.unpacked(value, _BODY)
            window.quiet_alarm, window.close_alarm = _ALARMS.unpack_from(value)
        return window

    def put(self, block: bytes, window: OpenWindow) -> None:
        """Take a new window in hand, in place of the block's old one if there is one."""
        self.hand[block] = window
        self.size -= len(self.rest.get(block, _NEW))
        self.rest[block] = _NEW

    def drop(self, block: bytes) -> None:
        """The block has no open window any more."""
        self.size -= len(self.rest.pop(block))
        del self.hand[block]
        self._gone.add(block)

    def last(self, block: bytes) -> int | None:
        """The time of the newest line of a block's window; None if there is none."""
        if window := self.hand.get(block):
            return window.last
        value = self.rest.get(block)
        return None if value is None else summary(value, _BODY)[1]

    def scored(self) -> list[bytes]:
        """Blocks about whose window something was published."""
        return [block for block in self.rest if self._is_scored(block)]

    def lay_down(self) -> list[tuple[bytes, bytes | None]]:
        """Put everything in hand to rest; return the changelog records of what has changed since the last call: the
        value None for what is gone.
        """
        changes: list[tuple[bytes, bytes | None]] = [(block, None) for block in self._gone if block not in self.rest]
        for block, window in self.hand.items():
            value = sealed(window.packed())
            laid = _ALARMS.pack(window.quiet_alarm, window.close_alarm) + value
            self.size += len(laid) - len(self.rest[block])
            self.rest[block] = laid
            if window.touched:
                changes.append((block, value))
        self.hand.clear()
        self._gone.clear()
        return changes

    # ── restoring ──

    def restore(self, block: bytes, value: bytes | None) -> None:
        """Take over a changelog record, the latest of its block so far; raise StateError for one that is damaged.
        ``restored`` has to follow.
        """
        if value is None:
            self.rest.pop(block, None)
        else:
            check(opened(value))
            self.rest[block] = value

    def restored(self, alarms: Callable[[bytes, Summary], tuple[int, int]]) -> None:
        """All is there: ``alarms`` is called for every window, and returns the buckets of the alarms that it has set
        for quiet and close.
        """
        rest, pack = self.rest, _ALARMS.pack
        for block, value in rest.items():
            rest[block] = pack(*alarms(block, summary(value, FRAME_BYTES))) + value
        self.size = sum(map(len, rest.values()))

    # ── inside ──

    def _is_scored(self, block: bytes) -> bool:
        if window := self.hand.get(block):
            return window.published is not None
        return is_scored(self.rest[block], _BODY)
