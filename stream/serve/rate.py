"""How many of something come a second, over the last ten seconds. Pure but for the clock that it is given."""

import time
from collections import deque
from collections.abc import Callable

_OVER_S = 10.0
_LEAST_S = 0.5


class Rate:
    """``count`` says how many there were so far; ``per_second`` may be asked often."""

    def __init__(self, count: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), count())])

    @property
    def per_second(self) -> float:
        """The rate, at least 0."""
        now, count = self._clock(), self._count()
        if now - self._seen[-1][0] >= _LEAST_S:
            self._seen.append((now, count))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _OVER_S:
            self._seen.popleft()
        begun, before = self._seen[0]
        return max(0.0, count - before) / max(now - begun, _LEAST_S)
