"""Notices that the whole process stood still (stopped, swapped out, its machine suspended), as nothing else in it can.

A worker with a name that stood still for longer than its session has to end when it wakes: another may have its name by
now, and both ways of finding out, to begin as producer and to join the group again, would throw that one out.
"""

import threading
import time
from collections.abc import Callable

_BEAT_S = 0.5
_REMEMBER_S = 60.0  # so long after it woke, a loss may be of then


class Pulse:
    """Beats in a thread of its own; a beat that comes ``longest_s`` after the one before tells of a standstill."""

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._last = clock()
        self._stood, self._woke = 0.0, 0.0

    def start(self) -> None:
        """Beat until ``stop``."""
        self._last = self._clock()
        threading.Thread(target=self._run, daemon=True, name="pulse").start()

    def stop(self) -> None:
        """Beat no more."""
        self._over.set()

    def beat(self) -> None:
        """The process runs, now."""
        with self._lock:
            now = self._clock()
            if now - self._last > self._longest:
                self._stood, self._woke = now - self._last, now
            self._last = now

    def stood_still(self) -> float:
        """For how many seconds it stood still in the minute past, or since then; 0 if it did not."""
        self.beat()  # whoever asks may be the first to run after it woke
        return self._stood if self._stood and self._clock() - self._woke <= _REMEMBER_S else 0.0

    def _run(self) -> None:
        while not self._over.wait(_BEAT_S):
            self.beat()
