"""Which keys are due at which event time. Coarse and lazy: an alarm may ring early, never late; the owner looks again.

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

    def set(self, key: bytes, due: int) -> int:
        """Let ``key`` ring once progress is past ``due``; return the bucket, which ``ring`` gives back."""
        bucket = due // _BUCKET_MS
        keys = self._buckets.get(bucket)
        if keys is None:
            self._buckets[bucket] = [key]
            heapq.heappush(self._order, bucket)
        else:
            keys.append(key)
        return bucket

    def ring(self, progress: int) -> Iterator[tuple[int, bytes]]:
        """Yield and forget ``(bucket, key)`` of every alarm that may be due at ``progress``, earliest bucket first."""
        now = progress // _BUCKET_MS
        while self._order and self._order[0] <= now:
            bucket = heapq.heappop(self._order)
            for key in self._buckets.pop(bucket):
                yield bucket, key
