"""The garbage collector of a process that works for months: it looks now and then, not whenever much was made.

Messages, windows in hand and events come and go by the thousand, and are in no cycles. A collector that counts them
looks several times in every commit interval at all that is alive in it, for nothing: that took a tenth of a line's
time (LOG.md). What makes cycles is rare (a checkpoint that is exchanged, an error of Kafka's), and can wait. Should
there ever be many, it looks once a million objects are not freed.

Every ten seconds it looks at what was made since the last time. Through all that there is it goes every ten minutes, or
more rarely where that takes long: half a second for 2.7 million closed windows that are remembered.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S, ALL_EVERY_S = 10.0, 600.0
MOST = 1_000_000
_REST = 1_000  # times as long as a look at everything took
_YOUNG, _ALL = 1, 2  # generations


@contextmanager
def collected_rarely(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[], None]]:
    """Yield what is to be called often: it collects every ten seconds of the ``clock``, in s.

    What is loaded before stays, so the collector need not look at it again. (A checkpoint that is exchanged later is
    freed all the same, but for cycles.) For the whole process, until the end.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(MOST, *before[1:])
    due, due_all = clock() + EVERY_S, clock() + ALL_EVERY_S

    def collect() -> None:
        nonlocal due, due_all
        if (begun := clock()) < due:
            return
        everything = begun >= due_all
        gc.collect(_ALL if everything else _YOUNG)
        due = (ended := clock()) + EVERY_S
        if everything:
            due_all = ended + max(ALL_EVERY_S, _REST * (ended - begun))

    try:
        yield collect
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
