"""Where windows are judged for requests: one thread, a queue that is bounded, and a scorer that is loaded meanwhile."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from stream.errors import UserError
from stream.scoring import Scorer

QUEUE = 8
_Answer = TypeVar("_Answer")


class Busy(Exception):
    """It cannot be judged now; the text says why. Another attempt may do better."""


class Desk:
    """``load`` is called in the thread, once. ``waiting`` requests at most are in hand or in the queue."""

    def __init__(self, load: Callable[[], Scorer], waiting: int = QUEUE) -> None:
        self._free = threading.BoundedSemaphore(waiting)
        self._thread = ThreadPoolExecutor(1, "judging")
        self._scorer: Future[Scorer] = self._thread.submit(load)

    @property
    def scorer(self) -> Scorer | None:
        """The scorer, once it is loaded."""
        done = self._scorer.done() and not self._scorer.cancelled() and self._scorer.exception() is None
        return self._scorer.result() if done else None

    @property
    def failed(self) -> UserError | None:
        """Why it cannot be loaded, if that is so; anything but UserError is raised."""
        error = self._scorer.exception() if self._scorer.done() and not self._scorer.cancelled() else None
        if error is None or isinstance(error, UserError):
            return error
        raise error

    async def run(self, work: Callable[[Scorer], _Answer]) -> _Answer:
        """Do the work in the thread; raise Busy while the scorer is being loaded, or if too much is waiting."""
        scorer = self.scorer
        if scorer is None:
            raise Busy("the checkpoint is being loaded")
        if not self._free.acquire(blocking=False):
            raise Busy("other requests are being judged")
        future = self._thread.submit(work, scorer)
        future.add_done_callback(lambda _: self._free.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more work; what is under way is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)


@contextmanager
def desk(load: Callable[[], Scorer]) -> Iterator[Desk]:
    """A desk, until the block ends."""
    opened = Desk(load)
    try:
        yield opened
    finally:
        opened.close()
