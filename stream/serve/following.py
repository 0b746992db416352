"""A thread that follows the scores topic into the store, for as long as the server runs, whatever the broker does.

Alarms that are older than the scores it begins with are read from the anomalies topic.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stream.errors import BrokerError
from stream.kafka.follow import Follower
from stream.kafka.messages import Message
from stream.logs import Log
from stream.metrics.server import ServerMetrics
from stream.serve.background import Background
from stream.serve.events import read_event
from stream.serve.store import ALARMS, EVENTS, Store
from stream.settings import Settings
from stream.show import BadEvent

_RETRY_S = 1.0
_SAY_S = 10.0


class Following(Background):
    """``caught_up``: what the topic held at the start is in the store. ``skipped`` counts what was no event.

    ``error`` says what keeps it from reading, None while it reads.
    """

    def __init__(self, settings: Settings, store: Store, metrics: ServerMetrics, log: Log) -> None:
        super().__init__("following")
        self.caught_up = False
        self.skipped = 0
        self.error: str | None = None
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._log = log
        self._next_word = 0.0

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._read_scores()
            except BrokerError as error:
                self.error = str(error)
                self._say(self.error)
                self._over.wait(_RETRY_S)

    def _read_scores(self) -> None:
        topic, known = self._settings.scores_topic, self._store.position
        with Follower(self._settings, topic, False, self._say, last=EVENTS, resume=known) as follower:
            self._store.begin(follower.begins)
            self.error = None
            for batch in follower.batches():
                for message in batch:
                    self._take(message)
                if batch:
                    self._metrics.events(topic, len(batch))
                if follower.caught_up and not self.caught_up:
                    self._read_alarms()
                    self.caught_up = True
                if self._over.is_set():
                    return

    def _take(self, message: Any) -> None:
        if event := self._event(message):
            value, (_, published) = message.value() or b"", message.timestamp()
            if message.offset() < self._store.position.get(message.partition(), 0):
                self._store.begin({message.partition(): message.offset()})  # Kafka's client reads a topic made anew
            self._store.add(message.partition(), message.offset(), published, value, event)
        else:
            self._store.skip(message.partition(), message.offset())

    def _read_alarms(self) -> None:
        """The newest alarms go into the store last, each before those that came earlier."""
        topic = self._settings.anomalies_topic
        alarms: list[tuple[int, bytes, dict[str, Any]]] = []
        with Follower(self._settings, topic, False, self._say, last=ALARMS) as follower:
            for batch in follower.batches():
                for message in batch:
                    if event := self._event(message):
                        alarms.append((message.timestamp()[1], message.value() or b"", event))
                if follower.caught_up or self._over.is_set():
                    break
        for published, value, event in reversed(alarms):
            self._store.add_alarm(published, value, event)

    def _event(self, message: Message) -> dict[str, Any] | None:
        try:
            return read_event(message.value())
        except BadEvent as bad:
            self.skipped += 1
            if self.skipped == 1:
                where = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
                self._log.warning("skipped what is no event; further ones are counted", error=str(bad), **where)
            return None

    def _say(self, text: str) -> None:
        if time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + _SAY_S
            self._log.warning("waiting for Kafka", error=text)


@contextmanager
def following(settings: Settings, store: Store, metrics: ServerMetrics, log: Log) -> Iterator[Following]:
    """The thread, until the block ends."""
    thread = Following(settings, store, metrics, log)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
