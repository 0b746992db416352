"""The daemon: reads, hands messages to the stages, and commits. A thin loop; what it decides is only *when*.

::

    raw topic ──▶ RouteStage ──▶ lines topic ──▶ ScoreStage ──▶ scores, anomalies, dead letters, changelog
       └────── one transaction ───────┘  └────────────────────── one transaction ──────────────────────┘

each with the offsets of what it read, one of each a commit interval (``stream.kafka.commit``).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.errors import BrokerError
from stream.kafka.claim import Claim
from stream.kafka.clients import new_admin, new_consumer, partitions_of
from stream.kafka.commit import Committer
from stream.kafka.ends import RawEnds
from stream.kafka.held import Held, Place
from stream.kafka.membership import membership, new_sending
from stream.kafka.patience import Patience
from stream.kafka.presence import Presence, require_topics
from stream.kafka.refusals import GONE, PASSING, Unreachable, fenced, kafka_errors
from stream.kafka.restore import Restorer
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.kafka.sending import Aborted
from stream.kafka.standstill import back
from stream.lines import LineReader
from stream.logs import Log
from stream.scoring import Scorer
from stream.settings import Settings

_BATCH = 5_000
_POLL_S = 0.05
_WARN_S = 10.0
_LEAVE_S = 10.0  # a client waits at its end for every answer that it is owed


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
        self.route = RouteStage(settings, reader, sources, inputs, RawEnds(settings)) if routes else None
        self.score = ScoreStage(settings, scorer, reader, inputs) if scorer and settings.stage != "route" else None
        if self.score:
            self._check_changelog(inputs, len(partitions_of(admin, settings, settings.windows_topic)))
        self._held = Held()
        self._patience = Patience(log, Presence(settings, admin).look)
        self._claim = Claim(settings, self._patience)
        self._sending = new_sending(settings, self._patience)
        self._committer = Committer(settings, (self.route, self.score), self._held, self._sending, log)
        self._restorer = Restorer(settings, self.route, self.score, log)
        self._consumer = self._new_consumer()
        self.ended = False
        self._reading = 0.0  # the stages' clock, in s: it stands while the worker is busy, for lines may be waiting
        self._next_commit = 0.0
        self._next_warning = 0.0

    def run(self, stop: Callable[[], bool], every: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` returns true; ``every`` is called about twenty times a second, for figures.

        A broker that is away is waited for, as long as it takes, but not by a worker that is told to end.
        """
        self._patience.stop = stop
        with kafka_errors(self.settings):
            try:
                self._claim.make()  # before the name is taken anywhere else
                self._sending.start()
                self._join()
                while not stop():
                    self._unless_fenced(self._step)
                    self._patience.look()
                    every()
                self._unless_fenced(self._commit)
            except Unreachable as away:
                if not stop():
                    raise
                self._log.warning("ended while Kafka is away: what was not committed is read again", error=str(away))
            finally:
                self._close()

    def lags(self) -> dict[Place, int]:
        """Messages that wait in each partition of this worker, as far as is known."""
        return self._held.lags(self._consumer)

    def lag(self) -> int:
        """Messages that wait in all of them."""
        return sum(self.lags().values())

    @property
    def commits(self) -> Committer:
        """Its commits so far: how long they took, how many were aborted."""
        return self._committer

    @property
    def restores(self) -> Restorer:
        """What it has restored so far, and how long that took."""
        return self._restorer

    @property
    def holds(self) -> int:
        """How many partitions of the raw and the lines topic it holds."""
        return len(self._held.next)

    @property
    def aborts(self) -> dict[str, int]:
        """Aborted transactions since the last commit, by the topic that was read."""
        return self._committer.aborts

    @property
    def aborted(self) -> int:
        """Aborted transactions since the start."""
        return self._committer.aborted.total()

    # ── reading ──

    def _step(self) -> None:
        begun = time.monotonic()
        batch = self._consumer.consume(_BATCH, timeout=_POLL_S)  # callbacks of the group run in here
        self._reading += min(time.monotonic() - begun, 2 * _POLL_S)
        try:
            for place, messages in runs(batch):
                self._read(place, messages)
        except Aborted as aborted:
            self._committer.failed(aborted)
        if time.monotonic() >= self._next_commit:
            self._commit()
            more = self.score is not None and self.score.waiting  # windows that are due need not wait for new lines
            self._next_commit = time.monotonic() + (0 if more else self.settings.commit_interval / 1000)
        if self._committer.stale and time.monotonic() >= self._committer.reset_at:
            self._reset()

    def _read(self, place: Place, messages: Sequence[Message]) -> None:
        if (error := messages[0].error()) is not None:
            self._event(place, error, messages[0].offset())
        elif place in self._held.next and not self._committer.stale:  # it may be lost since the batch was read
            if self.route and place[0] == self.settings.raw_topic:
                self.route.bytes += sum(map(len, messages))
                self.route.lines_of(place[1], messages, self._sending.emit, self._sending.emit_lines)
            elif self.score:
                self.score.bytes += sum(map(len, messages))
                self.score.lines_of(place[1], messages)
            self._held.read(place, messages[-1].offset())

    def _event(self, place: tuple[str, int], error: KafkaError, offset: int) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if self.route and place[0] == self.settings.raw_topic:
                self.route.at_end(place[1], self._reading, offset)
            elif self.score:
                self.score.at_end(place[1], self._reading)
        elif error.code() in PASSING:
            self._log.warning("kafka", error=error.str())
        elif error.code() in GONE:  # for good, or this broker has not heard of it yet
            self._patience.repeat(lambda: require_topics(self.settings))
            self._log.warning("kafka", error=error.str())
        else:
            raise KafkaException(error)

    def _kafka_says(self, error: KafkaError) -> None:
        """What the client tells beside its calls: it goes on trying, an operator should know."""
        if time.monotonic() >= self._next_warning:
            self._next_warning = time.monotonic() + _WARN_S
            self._log.warning("kafka", error=error.str())

    def _commit(self) -> None:
        self._committer.try_to(self._consumer, self._reading)

    def _reset(self) -> None:
        """Put memory and positions back to what is committed (steps 9 and 10 of a commit)."""
        self._end_if_replaced(self._consumer)
        self._patience.repeat(lambda: require_topics(self.settings))  # or it would abort for ever
        self._sending.start()
        if assigned := self._consumer.assignment():
            self._consumer.incremental_unassign(assigned)  # what was fetched ahead is thrown away with it
            self._consumer.incremental_assign(self._take(assigned))
        self._committer.stale = False

    # ── rebalancing ──

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._has_left(consumer):  # a rebalance that was under way: nobody reads what comes with it
            consumer.incremental_assign(partitions)
            return
        if partitions:
            self._commit()  # no transaction may be open while changelogs are read
            self._sending.start()  # nor left behind: its end would be waited for
        self._patience.repeat(self._restorer.count)
        consumer.incremental_assign(self._take(partitions))
        if partitions:
            self._log.info("assigned", partitions=_named(partitions))

    def _take(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Bring the stages to where the last commit left these partitions; return where to read on."""
        taken = self._patience.repeat(lambda: self._restorer.take(self._consumer, partitions))  # [9]
        return [self._held.take(place) for place in taken]  # [10]

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._has_left(consumer):
            self._commit()
            self._drop(partitions)
            if partitions:
                self._log.info("revoked", partitions=_named(partitions))
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others have them already: nothing may be committed any more."""
        if not self._has_left(consumer):
            self._end_if_replaced(consumer)  # before the client joins again
            self._throw_away(partitions)
            self._log.warning("lost", partitions=_named(partitions))
        consumer.incremental_unassign(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> None:
        self._held.drop(partitions)
        for place in partitions:
            if self.route and place.topic == self.settings.raw_topic:
                self.route.revoke(place.partition)
            elif self.score:
                self.score.revoke(place.partition)

    def _throw_away(self, partitions: list[TopicPartition]) -> None:
        self._sending.abort()
        self._committer.stale = True
        self._drop(partitions)

    # ── the group ──

    def _new_consumer(self) -> Consumer:
        return new_consumer(self.settings, **membership(self.settings), error_cb=self._kafka_says)

    def _join(self) -> None:
        topics = [self.settings.raw_topic] if self.route else []
        topics += [self.settings.input_topic] if self.score else []
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _has_left(self, consumer: Consumer) -> bool:
        """Whether this client is at its end: the stages, which keep their figures, are no longer its concern."""
        return self.ended or consumer is not self._consumer

    def _end_if_replaced(self, consumer: Consumer) -> None:
        try:
            self._claim.require()
        except BrokerError:
            with suppress(KafkaException):  # a client that was fenced joins no more anyway
                consumer.unsubscribe()  # all others join again, whatever is raised here
            raise

    def _unless_fenced(self, call: Callable[[], None]) -> None:
        """Call; where the group knows this worker's name by a member that it is not, join anew, with a client that was
        not fenced, unless another worker has claimed the name.
        """
        try:
            call()
        except KafkaException as error:
            if self.settings.worker_id is None or not fenced(error):
                raise
            self._end_if_replaced(self._consumer)
            self._log.warning("the group fences this worker, though nobody else has its name: it joins anew")
            self._throw_away([TopicPartition(*place) for place in self._held.next])
            gone, self._consumer = self._consumer, self._new_consumer()
            gone.close()
            self._join()

    def _close(self) -> None:
        """Leave the group. What is not committed by now is not committed any more: it is read again."""
        self.ended = True
        try:
            self._sending.leave()
        except BrokerError as error:
            self._log.warning("the open transaction is left to the broker", error=str(error))
        try:
            back(self._consumer.close, _LEAVE_S)
        except TimeoutError:
            self._log.warning("the group is not told that this worker ends: Kafka does not answer")

    def _check_changelog(self, inputs: int, changelog: int) -> None:
        if inputs != changelog:
            raise BrokerError(
                f"{self.settings.input_topic} has {inputs} partitions and {self.settings.windows_topic} {changelog}; "
                "they must be equal: see tinylogbert topics show"
            )


def runs(batch: Iterable[Message]) -> Iterator[tuple[Place, Sequence[Message]]]:
    """Messages of one partition that follow each other, and what is no message (an error, an end) alone."""
    run: list[Message] = []
    topic, partition = "", -1
    for message in batch:
        if message.partition() != partition or message.topic() != topic or message.error() is not None:
            if run:
                yield (topic, partition), run
            topic, partition, run = message.topic(), message.partition(), [message]
            if message.error() is not None:
                yield (topic, partition), run
                partition, run = -1, []
        else:
            run.append(message)
    if run:
        yield (topic, partition), run


def _named(partitions: list[TopicPartition]) -> list[str]:
    return sorted(f"{place.topic}/{place.partition}" for place in partitions)
