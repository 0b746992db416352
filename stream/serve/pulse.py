"""Whether Kafka answers, whether the topics are there, and how far the daemon has come: a thread asks every second.

Whoever wants to know gets the newest answer and never waits for the broker.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.grouplag import GroupLag, Progress
from stream.kafka.refusals import Unreachable
from stream.kafka.topics import require_fitting
from stream.logs import Log
from stream.serve.background import Background
from stream.settings import Settings

_EVERY_S = 1.0
_TOPICS_EVERY_S = 15.0
_RATE_S = 10.0
_SAY_S = 10.0


@dataclass(frozen=True)
class Pulse:
    """``broker`` and ``topics`` are None where all is well, or say what is not. ``away_since`` is epoch s.

    ``lines_per_s`` and ``waiting`` (messages that the daemon has yet to read) are None where they are not known.
    """

    broker: str | None = "not asked yet"
    topics: str | None = "not asked yet"
    away_since: float | None = None
    lines_per_s: float | None = None
    waiting: dict[str, int] = field(default_factory=dict)


class PulseTaker(Background):
    """``now`` is the newest answer."""

    def __init__(self, settings: Settings, log: Log) -> None:
        super().__init__("pulse")
        self.now = Pulse()
        self._settings = settings
        self._log = log
        self._done: deque[tuple[float, int]] = deque()
        self._next_topics = 0.0
        self._next_word = 0.0

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._ask()
            except BrokerError as error:
                self._missed(error)
            self._over.wait(_EVERY_S)

    def _ask(self) -> None:
        new_admin(self._settings)
        self.now = replace(self.now, broker=None, away_since=None)
        lag = GroupLag(self._settings)
        try:
            while not self._over.is_set():
                if time.monotonic() >= self._next_topics or self.now.topics:
                    self._look_at_topics()
                self._measure(self._progress(lag))
                self._over.wait(_EVERY_S)
        finally:
            lag.close()

    def _look_at_topics(self) -> None:
        try:
            require_fitting(new_admin(self._settings), self._settings)
            self.now = replace(self.now, topics=None)
            self._next_topics = time.monotonic() + _TOPICS_EVERY_S
        except Unreachable:
            raise
        except BrokerError as error:
            self.now = replace(self.now, topics=str(error))

    def _progress(self, lag: GroupLag) -> dict[str, Progress]:
        if self.now.topics:
            return {}
        try:
            return lag.ask()
        except Unreachable:
            raise
        except BrokerError:  # such as offsets that are being committed: the next time it is known
            return {}

    def _measure(self, found: dict[str, Progress]) -> None:
        waiting = {topic: progress.waiting for topic, progress in found.items()}
        self.now = replace(self.now, lines_per_s=self._rate(found), waiting=waiting)

    def _rate(self, found: dict[str, Progress]) -> float | None:
        """Messages of the raw topic a second that the daemon has put behind it, over ten seconds."""
        if (raw := found.get(self._settings.raw_topic)) is None:
            self._done.clear()
            return None
        now = time.monotonic()
        self._done.append((now, raw.done))
        while len(self._done) > 2 and now - self._done[1][0] >= _RATE_S:
            self._done.popleft()
        begun, before = self._done[0]
        return max(0.0, raw.done - before) / (now - begun) if now > begun else None

    def _missed(self, error: BrokerError) -> None:
        away = self.now.away_since or time.time()
        self.now = replace(self.now, broker=str(error), away_since=away, lines_per_s=None, waiting={})
        self._done.clear()
        if time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + _SAY_S
            self._log.warning("Kafka does not answer", error=str(error))


@contextmanager
def pulse(settings: Settings, log: Log) -> Iterator[PulseTaker]:
    """The thread, until the block ends."""
    taker = PulseTaker(settings, log)
    taker.start()
    try:
        yield taker
    finally:
        taker.stop()
