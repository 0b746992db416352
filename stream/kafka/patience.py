"""How long a daemon waits for a broker that is away: for as long as nobody tells it to end.

A broker comes back, and with it everything that was committed; a daemon that gives up has to be started again by
somebody who was woken for it. So a call that failed because no broker answered is made again, five times a second, and
every ten seconds the log says what it waits for.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from stream.kafka.refusals import LOST, PASSING, Unreachable, cause_of
from stream.logs import Log

_RETRY_S = 0.2
_SAY_S = 10.0
_Answer = TypeVar("_Answer")


class Patience:
    """Repeats calls; ``stop`` says whether the daemon was told to end, which ends every waiting.

    ``look`` is called in between; what it raises ends the waiting too, but for Unreachable.
    """

    def __init__(
        self,
        log: Log,
        look: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        pause_s: float = _RETRY_S,
    ) -> None:
        self.stop: Callable[[], bool] = lambda: False
        self._look = look
        self._log = log
        self._clock = clock
        self._pause_s = pause_s
        self._next_word = 0.0

    def repeat(self, call: Callable[[], _Answer]) -> _Answer:
        """Call until a broker has answered; raise what the call raises if waiting does not help, and Unreachable if
        ``stop`` says that there is no time to wait.

        A client's call that is to be resumed (``retriable``) is one that another call helps, too.
        """
        while True:
            try:
                return call()
            except KafkaException as error:
                cause = cause_of(error)
                if cause is None or not _passes(cause):
                    raise
                if self.stop():
                    raise Unreachable(f"Kafka cannot do it now: {cause.str()}") from error
                self.say(cause)
            except Unreachable as error:
                if self.stop():
                    raise
                self.say(error)
            self.look()
            time.sleep(self._pause_s)

    def look(self) -> None:
        """See whether waiting can help at all; a broker that is away says nothing about that."""
        with suppress(Unreachable):
            self._look()

    def say(self, what: KafkaError | Unreachable) -> None:
        """Tell the log that Kafka does not answer, unless it was told so less than ten seconds ago."""
        now = self._clock()
        if now >= self._next_word:
            self._next_word = now + _SAY_S
            self._log.warning("waiting for Kafka", error=what.str() if isinstance(what, KafkaError) else str(what))


def _passes(error: KafkaError) -> bool:
    if error.fatal() or error.txn_requires_abort():
        return False
    return error.retriable() or error.code() in PASSING or error.code() in LOST
