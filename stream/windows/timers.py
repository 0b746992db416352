"""Which keys are due at which event time. Coarse and lazy: an alarm may ring up to a second late, never early, and it
may ring for a key that is no longer due; the owner looks again.

Keys are kept in buckets of a second, and a heap orders the buckets: setting an alarm costs one list append.
"""

import heapq
from collections.abc import Iterator

_BUCKET_MS = 1000


class Timers:
    """Alarms of keys; time is epoch milliseconds."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[bytes]] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def set(self, key: bytes, due: int) -> int:
        """Let ``key`` ring once progress has reached ``due``; return the bucket, which ``ring`` gives back."""
        bucket = -(-due // _BUCKET_MS)
        keys = self._buckets.get(bucket)
        if keys is None:
            self._buckets[bucket] = [key]
            heapq.heappush(self._order, bucket)
        else:
            keys.append(key)
        return bucket

    def rings(self, progress: int) -> bool:
        """Whether ``ring`` would yield anything."""
        return bool(self._order) and self._order[0] <= progress // _BUCKET_MS

    def ring(self, progress: int) -> Iterator[tuple[int, bytes]]:
        """Yield and forget ``(bucket, key)`` of every alarm in a bucket that is over, earliest bucket first.

        Alarms may be set meanwhile; those that are not taken ring the next time.
        """
        while self.rings(progress):
            yield self._pop()

    def ring_all(self) -> Iterator[tuple[int, bytes]]:
        """Yield and forget every alarm, whenever it is due."""
        while self._order:
            yield self._pop()

    def _pop(self) -> tuple[int, bytes]:
        bucket = self._order[0]
        keys = self._buckets[bucket]
        key = keys.pop()
        if not keys:
            heapq.heappop(self._order)
            del self._buckets[bucket]
        return bucket, key


def bucket_of(due: int) -> int:
    """The bucket of a time: the first second that is not before it."""
    return -(-due // _BUCKET_MS)
