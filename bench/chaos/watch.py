"""Watches a group from outside: offsets that it has committed, windows that it has closed, and how long it stood still.

A thread of its own, which outlives the broker's ends; joins no group.
"""

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException, TopicPartition

from bench.chaos.compare import Key, read_event
from stream.kafka.clients import new_consumer, partitions_of
from stream.settings import Settings

_POLL_S = 0.1
_ASK_EVERY_S = 0.4
_ASK_S = 2.0
_BATCH = 5_000


class Watch:
    """``closed`` windows; lines that are committed as ``routed`` and as ``scored`` (with the marks of transactions);
    ``moved``, when something last went on; ``longest``, the longest time in s in which no line was committed as scored
    while raw lines were waiting.
    """

    def __init__(self, settings: Settings, sent: Callable[[], int]) -> None:
        self.closed: set[Key] = set()
        self.routed = 0
        self.longest = 0.0
        self.moved = time.monotonic()
        self._sent = sent
        self.scored = 0
        self._stands_since = time.monotonic()
        self._over = threading.Event()
        as_is = {"isolation.level": "read_uncommitted"}  # an offset that is in doubt is none yet
        self._group = new_consumer(settings, **{"group.id": settings.group_id, **as_is})
        self._scores = new_consumer(settings, **{"group.id": f"{settings.group_id}-watch"})
        self._raw = partitions_of(self._group, settings, settings.raw_topic)
        self._lines = partitions_of(self._group, settings, settings.lines_topic)
        self._scores.assign(partitions_of(self._scores, settings, settings.scores_topic))
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join()
        self._group.close()
        self._scores.close()

    def _run(self) -> None:
        ask_at = 0.0
        while not self._over.is_set():
            for message in self._scores.consume(_BATCH, timeout=_POLL_S):
                if message.error() is None:
                    self._see(message.value() or b"")
            if time.monotonic() >= ask_at:
                self._ask()
                ask_at = time.monotonic() + _ASK_EVERY_S

    def _see(self, value: bytes) -> None:
        event = read_event(value)
        if event.closed:
            self.closed.add(event.key)
            self.moved = time.monotonic()

    def _ask(self) -> None:
        try:
            places = self._group.committed([*self._raw, *self._lines], timeout=_ASK_S)
        except KafkaException:
            places = []  # the broker is away: nothing goes on
        self._note({(p.topic, p.partition): p for p in places if p.error is None})

    def _note(self, places: dict[tuple[str, int], TopicPartition]) -> None:
        now = time.monotonic()
        routed = sum(max(0, places[p.topic, p.partition].offset) for p in self._raw if (p.topic, p.partition) in places)
        scored = sum(max(0, p.offset) for p in places.values()) - routed
        if routed > self.routed or scored > self.scored:
            self.moved = now
        if scored > self.scored or self.routed >= self._sent():
            self._stands_since = now
        self.routed, self.scored = max(self.routed, routed), max(self.scored, scored)
        self.longest = max(self.longest, now - self._stands_since)
