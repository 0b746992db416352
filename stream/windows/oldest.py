"""Which open window is the oldest: the one whose newest line has the least event time, of equals the least block id.

A heap of what was true once, put right only where it comes to the top: the newest line of a window can only become
newer, so an entry is never later than its window. It costs nothing with a line, O(log n) with a new window.
"""

import heapq
from collections.abc import Callable, Collection

Last = Callable[[bytes], int | None]
"""The time of the newest line of a block's open window; None if there is none."""


class Oldest:
    """Blocks with open windows; ``last`` is asked for their newest lines, ``blocks`` are all that are open."""

    def __init__(self, blocks: Collection[bytes], last: Last) -> None:
        self._blocks = blocks
        self._last = last
        self._heap: list[tuple[int, bytes]] = []
        self._build()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, time: int, block: bytes) -> None:
        """A window was opened with a line of this time."""
        if len(self._heap) > 2 * len(self._blocks):
            self._build()
        heapq.heappush(self._heap, (time, block))

    def pop(self) -> bytes:
        """Take the block of the oldest window out; there must be one."""
        while True:
            time, block = self._heap[0]
            last = self._last(block)
            if last == time:
                heapq.heappop(self._heap)
                return block
            if last is None:
                heapq.heappop(self._heap)
            else:
                heapq.heapreplace(self._heap, (last, block))

    def _build(self) -> None:
        known = ((self._last(block), block) for block in self._blocks)
        self._heap = [(last, block) for last, block in known if last is not None]
        heapq.heapify(self._heap)
