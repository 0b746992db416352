"""The daemon: reads, hands messages to the stages, and commits. A thin loop; what it decides is only *when*.

::

    raw topic ──▶ RouteStage ──▶ lines topic ──▶ ScoreStage ──▶ scores, anomalies, dead letters, changelog
                       └──────────── one transaction a commit interval, with the offsets ────────────┘
"""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.errors import BrokerError, StateError
from stream.kafka.changelog import read_changelog
from stream.kafka.clients import kafka_errors, new_admin, new_consumer, partitions_of
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.kafka.transaction import Aborted, Transactions
from stream.lines import LineReader
from stream.scoring import Scorer
from stream.settings import Settings

Say = Callable[..., None]
"""A structured log line: an event's name, then its fields."""

_BATCH = 5_000
_POLL_S = 0.05


class Worker:
    """One member of the consumer group. ``run`` until ``stop`` says so; not thread-safe.

    The stage decides what is read: ``all`` the raw and the lines topic, ``route`` and ``score`` one of them.
    Raises BrokerError and StateError.
    """

    def __init__(self, settings: Settings, scorer: Scorer, reader: LineReader, worker_id: str, say: Say) -> None:
        self.settings = settings
        self._say = say
        admin = new_admin(settings)
        routes = settings.stage != "score" and not settings.keyed_input
        scores = settings.stage != "route"
        inputs = len(partitions_of(admin, settings, settings.input_topic))
        sources = len(partitions_of(admin, settings, settings.raw_topic)) if routes else 0
        if scores:
            self._check_changelog(inputs, len(partitions_of(admin, settings, settings.windows_topic)))
        self.route = RouteStage(settings, reader, sources, inputs) if routes else None
        self.score = ScoreStage(settings, scorer, reader) if scores else None
        self._offsets: dict[tuple[str, int], int] = {}
        self._consumer: Consumer = new_consumer(settings, **{"group.id": settings.group_id})
        self._transactions = Transactions(settings, f"{settings.group_id}-{worker_id}")
        self._next_commit = 0.0

    def run(self, stop: Callable[[], bool], every: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` returns true; ``every`` is called about twenty times a second, for figures."""
        topics = [self.settings.raw_topic] if self.route else []
        topics += [self.settings.input_topic] if self.score else []
        with kafka_errors(self.settings):
            self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
            try:
                while not stop():
                    self._step()
                    every()
                self._commit_or_reset()
            finally:
                self._close()

    def lag(self) -> int:
        """Messages that wait in the partitions of this worker, as far as is known."""
        lag = 0
        for place in self._consumer.position(self._consumer.assignment()):
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            if place.offset >= 0 and high >= 0:
                lag += max(0, high - place.offset)
        return lag

    # ── reading ──

    def _step(self) -> None:
        for message in self._consumer.consume(_BATCH, timeout=_POLL_S):
            error = message.error()
            if error is None:
                self._line(message)
            else:
                self._event(message, error)
        if time.monotonic() >= self._next_commit:
            self._commit_or_reset()
            self._next_commit = time.monotonic() + self.settings.commit_interval / 1000

    def _line(self, message: Message) -> None:
        if self.route and message.topic() == self.settings.raw_topic:
            self.route.line(message, self._transactions.emit)
        elif self.score:
            self.score.line(message, self._transactions.emit)
        self._offsets[message.topic(), message.partition()] = message.offset() + 1

    def _event(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if self.route and message.topic() == self.settings.raw_topic:
                self.route.at_end(message.partition())
            elif self.score:
                self.score.at_end(message.partition(), time.monotonic())
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
        else:
            self._say("kafka", error=error.str())

    # ── committing ──

    def _commit_or_reset(self) -> None:
        try:
            self._commit()
        except Aborted as aborted:
            self._say("transaction aborted; state is restored", error=str(aborted))
            self._reset()

    def _commit(self) -> None:
        """Make everything since the last commit happen at once.

        1. Tell the lines partitions how far the raw partitions have come.
        2. Judge what is due; send events, anomalies and changes of state (lines and dead letters went as they came).
        3. Add the offsets of what was read, fenced by the group's metadata.
        4. Commit. If it is aborted, nothing happened: state and positions go back to the last commit.
        """
        if self.route:
            self.route.tell(self._transactions.emit)  # 1
        if self.score:
            self.score.publish(time.monotonic(), self._transactions.emit)  # 2
        if self._offsets or self._transactions.open:
            offsets = [TopicPartition(topic, n, offset) for (topic, n), offset in self._offsets.items()]
            self._transactions.commit(self._consumer, offsets)  # 3, 4
            self._offsets.clear()

    def _reset(self) -> None:
        self._offsets.clear()
        assigned = self._consumer.assignment()
        self._take(assigned)
        for place in self._consumer.committed(assigned, timeout=30):
            place.offset = place.offset if place.offset >= 0 else 0
            self._consumer.seek(place)

    # ── rebalancing ──

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Waits until no transaction of a former owner is pending on these offsets: only then is the changelog whole.
        consumer.committed(partitions, timeout=60)
        self._take(partitions)
        consumer.incremental_assign(partitions)
        self._say("assigned", partitions=_named(partitions))

    def _take(self, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            if self.route and place.topic == self.settings.raw_topic:
                self.route.assign(place.partition)
            elif self.score:
                self._restore(place.partition)

    def _restore(self, partition: int) -> None:
        assert self.score
        begun = time.monotonic()
        records = read_changelog(self.settings, partition)
        try:
            self.score.assign(partition, records)
        except StateError as error:
            raise StateError(f"{self.settings.windows_topic} partition {partition}: {error}") from error
        if records:
            seconds = round(time.monotonic() - begun, 3)
            self._say("restored", partition=partition, records=len(records), seconds=seconds)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit_or_reset()
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        self._say("revoked", partitions=_named(partitions))

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._transactions.abort()
        self._offsets.clear()
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        self._say("lost", partitions=_named(partitions))

    def _drop(self, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._offsets.pop((place.topic, place.partition), None)
            if self.route and place.topic == self.settings.raw_topic:
                self.route.revoke(place.partition)
            elif self.score:
                self.score.revoke(place.partition)

    def _close(self) -> None:
        self._transactions.abort()
        self._consumer.close()

    def _check_changelog(self, inputs: int, changelog: int) -> None:
        if inputs != changelog:
            raise BrokerError(
                f"{self.settings.input_topic} has {inputs} partitions and {self.settings.windows_topic} {changelog}; "
                "they must be equal: see tinylogbert topics show"
            )


def _named(partitions: list[TopicPartition]) -> list[Any]:
    return sorted(f"{place.topic}/{place.partition}" for place in partitions)
