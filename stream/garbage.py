"""The garbage collector of a process that works for months: it looks every ten seconds, not whenever much was made.

Messages, windows in hand and events come and go by the thousand, and are in no cycles. A collector that counts them
looks several times in every commit interval at all that is alive in it, for nothing: that took a tenth of a line's
time (LOG.md). What makes cycles is rare (a checkpoint that is exchanged, an error of Kafka's), and can wait. Should
there ever be many, it looks once a million objects are not freed.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 10.0
MOST = 1_000_000


@contextmanager
def collected_rarely(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[], None]]:
    """Yield what is to be called often: it collects every ten seconds of the ``clock``.

    What is loaded before stays, so the collector need not look at it again. (A checkpoint that is exchanged later is
    freed all the same, but for cycles.) For the whole process, until the end.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST, *before[1:])
    due = clock() + EVERY_S

    def collect() -> None:
        nonlocal due
        if clock() >= due:
            gc.collect()
            due = clock() + EVERY_S

    try:
        yield collect
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
