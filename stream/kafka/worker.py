"""The daemon: reads, hands messages to the stages, and commits. A thin loop; what it decides is only *when*.

::

    raw topic ──▶ RouteStage ──▶ lines topic ──▶ ScoreStage ──▶ scores, anomalies, dead letters, changelog
       └────── one transaction ───────┘  └────────────────────── one transaction ──────────────────────┘

each with the offsets of what it read, one of each a commit interval.

A worker is a member of a consumer group. Without ``worker_id`` it has a random name, as Kafka Streams' processes have:
two workers can never be taken for one, and a zombie is fenced all the same, since every commit carries the group's
metadata (KIP-447). What it costs: after a sudden death the group waits for the session's end, 10 s, and the broker as
long again for the open transaction. With ``worker_id``, which must be the same after a restart and unlike all others
(the name of a pod in a StatefulSet), it is a static member (KIP-345) with a transactional id of its own: the restarted
worker takes over at once, and whoever still runs under that name is fenced and ends. In return the group does not
notice at once that it ended in good order: its partitions wait those 10 s for its return.
"""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.errors import BrokerError
from stream.kafka.clients import PASSING, kafka_errors, new_admin, new_consumer, partitions_of
from stream.kafka.held import Held
from stream.kafka.restore import Restorer
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.kafka.transaction import Aborted, Transactions
from stream.lines import LineReader
from stream.logs import Log
from stream.scoring import Scorer
from stream.settings import Settings

_BATCH = 5_000
_POLL_S = 0.05
_MOST_ABORTS = 5
_PAUSE_S = 0.1
_SESSION_MS = 10_000
_HEARTBEAT_MS = 1_000  # how soon a member hears that others come or go
_WARN_S = 10.0
_JUDGING_MS = 15 * 60_000  # the longest time between two polls: one commit's windows, scored without any memo


class Worker:
    """One member of the consumer group. ``run`` until ``stop`` says so; not thread-safe.

    The stage decides what is read: ``all`` the raw and the lines topic, ``route`` and ``score`` one of them; ``route``
    needs no scorer. Raises BrokerError, StateError and, for keyed input that is not, InputError.
    """

    def __init__(self, settings: Settings, scorer: Scorer | None, reader: LineReader, log: Log) -> None:
        self.settings = settings
        self._log = log
        admin = new_admin(settings)
        routes = settings.stage != "score" and not settings.keyed_input
        inputs = len(partitions_of(admin, settings, settings.input_topic))
        sources = len(partitions_of(admin, settings, settings.raw_topic)) if routes else 0
        self.route = RouteStage(settings, reader, sources, inputs) if routes else None
        self.score = ScoreStage(settings, scorer, reader) if scorer and settings.stage != "route" else None
        if self.score:
            self._check_changelog(inputs, len(partitions_of(admin, settings, settings.windows_topic)))
        self._held = Held()
        self._restorer = Restorer(settings, self.route, self.score, log)
        self._transactions = Transactions(settings)
        self._consumer: Consumer = new_consumer(settings, **_membership(settings), error_cb=self._kafka_says)
        self.aborts: dict[str, int] = {}  # by the topic that was read, since its last commit
        self._committing = settings.raw_topic
        self.ended = False
        self._stale = False
        self._reading = (
            0.0  # the stages' clock, in s: it stands while the worker is busy, for lines may be waiting then
        )
        self._next_commit = 0.0
        self._next_warning = 0.0

    def run(self, stop: Callable[[], bool], every: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` returns true; ``every`` is called about twenty times a second, for figures."""
        topics = [self.settings.raw_topic] if self.route else []
        topics += [self.settings.input_topic] if self.score else []
        with kafka_errors(self.settings):
            try:
                self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
                while not stop():
                    self._step()
                    every()
                self._commit_or_note()
            finally:
                self._close()

    def lag(self) -> int:
        """Messages that wait in the partitions of this worker, as far as is known."""
        return self._held.lag(self._consumer)

    @property
    def holds(self) -> int:
        """How many partitions of the raw and the lines topic it holds."""
        return len(self._held.next)

    # ── reading ──

    def _step(self) -> None:
        begun = time.monotonic()
        batch = self._consumer.consume(_BATCH, timeout=_POLL_S)  # callbacks of the group run in here
        self._reading += min(time.monotonic() - begun, 2 * _POLL_S)
        try:
            if not self._stale:
                for message in batch:
                    self._message(message)
                if time.monotonic() >= self._next_commit:
                    self._commit()
                    self._next_commit = time.monotonic() + self.settings.commit_interval / 1000
        except Aborted as aborted:
            self._note(aborted)
        if self._stale:
            self._reset()

    def _message(self, message: Message) -> None:
        place = message.topic(), message.partition()
        if (error := message.error()) is not None:
            self._event(place, error)
        elif place in self._held.next:  # it may be lost since the batch was read
            if self.route and place[0] == self.settings.raw_topic:
                self.route.line(message, self._transactions.emit)
            elif self.score:
                self.score.line(message)
            self._held.read(place, message.offset())

    def _event(self, place: tuple[str, int], error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if self.route and place[0] == self.settings.raw_topic:
                self.route.at_end(place[1], self._reading)
            elif self.score:
                self.score.at_end(place[1], self._reading)
        elif error.code() in PASSING:
            self._log.warning("kafka", error=error.str())
        else:
            raise KafkaException(error)

    def _kafka_says(self, error: KafkaError) -> None:
        """What the client tells beside its calls: it goes on trying, an operator should know."""
        if time.monotonic() >= self._next_warning:
            self._next_warning = time.monotonic() + _WARN_S
            self._log.warning("kafka", error=error.str())

    # ── committing ──

    def _commit(self) -> None:
        """Make everything since the last commit happen. If one transaction is aborted, nothing of it happened.

        1. Tell the lines partitions how far the raw partitions have come; commit the routed lines.
        2. Judge what is due, while no transaction is open: it may take long.
        3. Send events, anomalies, dead letters and changes of state; commit them with the offsets of the lines.
        """
        if self.route:
            self.route.tell(self._reading, self._transactions.emit)
            self._finish(self.settings.raw_topic)
        if self.score:
            self._committing = self.settings.input_topic
            self.score.publish(self._reading, self._transactions.emit)
            self._finish(self.settings.input_topic)
            self._committing = self.settings.raw_topic

    def _finish(self, topic: str) -> None:
        if self._transactions.open or self._held.moved(topic):
            self._transactions.commit(self._consumer, self._held.offsets(topic))
            self._held.committed(topic)
            self.aborts.pop(topic, None)

    def _commit_or_note(self) -> None:
        try:
            self._commit()
        except Aborted as aborted:
            self._note(aborted)

    def _note(self, aborted: Aborted) -> None:
        """State and positions are ahead of what is committed: they are put back before anything else is read."""
        self._stale = True
        topic, self._committing = self._committing, self.settings.raw_topic
        aborts = self.aborts[topic] = self.aborts.get(topic, 0) + 1
        self._log.warning("transaction aborted, its input is read again", input=topic, error=str(aborted))
        if aborts >= _MOST_ABORTS:
            raise BrokerError(f"{topic}: {aborts} transactions in a row were aborted, the last one: {aborted}")
        time.sleep(_PAUSE_S * 2 ** (aborts - 1))

    def _reset(self) -> None:
        if assigned := self._consumer.assignment():
            self._consumer.incremental_unassign(assigned)  # what was fetched ahead is thrown away with it
            self._consumer.incremental_assign(self._take(assigned))
        self._stale = False

    # ── rebalancing ──

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions and not self._stale:
            self._commit_or_note()  # no transaction may be open while changelogs are read
        consumer.incremental_assign(self._take(partitions))
        if partitions:
            self._log.info("assigned", partitions=_named(partitions))

    def _take(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Bring the stages to where the last commit left these partitions; return where to read on."""
        return [self._held.take(place) for place in self._restorer.take(self._consumer, partitions)]

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not (self.ended or self._stale):
            self._commit_or_note()
        self._drop(consumer, partitions)
        if partitions and not self.ended:
            self._log.info("revoked", partitions=_named(partitions))

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others have them already: nothing may be committed any more."""
        self._transactions.abort()
        self._stale = True
        self._drop(consumer, partitions)
        self._log.warning("lost", partitions=_named(partitions))

    def _drop(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._held.drop(partitions)
        for place in [] if self.ended else partitions:  # at the end, the stages keep their figures
            if self.route and place.topic == self.settings.raw_topic:
                self.route.revoke(place.partition)
            elif self.score:
                self.score.revoke(place.partition)
        consumer.incremental_unassign(partitions)

    def _close(self) -> None:
        """Leave the group. What is not committed by now is not committed any more: it is read again."""
        self.ended = True
        try:
            self._transactions.leave()
        except BrokerError as error:
            self._log.warning("the open transaction is left to the broker", error=str(error))
        self._consumer.close()

    def _check_changelog(self, inputs: int, changelog: int) -> None:
        if inputs != changelog:
            raise BrokerError(
                f"{self.settings.input_topic} has {inputs} partitions and {self.settings.windows_topic} {changelog}; "
                "they must be equal: see tinylogbert topics show"
            )


def _membership(settings: Settings) -> dict[str, Any]:
    static = {"group.instance.id": settings.worker_id} if settings.worker_id else {}
    return {
        "group.id": settings.group_id,
        "session.timeout.ms": _SESSION_MS,
        "heartbeat.interval.ms": _HEARTBEAT_MS,
        "max.poll.interval.ms": _JUDGING_MS,
        **static,
    }


def _named(partitions: list[TopicPartition]) -> list[str]:
    return sorted(f"{place.topic}/{place.partition}" for place in partitions)
