"""Reads a topic from its beginning to the end that was there at the start, in an order that is always the same.

Partitions arrive in any order, so they are merged by event time: each line stands where its partition's clock puts it
(``stream.windows.source``, so that a line a year ahead does not put its partition behind all others); at one time, the
partition with the lower number comes first. Joins no group, commits nothing.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.errors import BrokerError, InputError
from stream.kafka.clients import new_consumer, offsets_of, partitions_of
from stream.kafka.messages import LABEL
from stream.kafka.refusals import PASSING, kafka_errors
from stream.lines import BadLine, LineReader
from stream.settings import Settings
from stream.windows.source import RUN, SourceClock

_STALL_S = 30.0
_WAIT_S = 0.1
_BATCH = 2_000
_QUEUE_BYTES = 8 * 1024 * 1024
_MESSAGE_BYTES = 400  # what a message costs beside its value
_LABELS = {b"0": False, b"1": True}


class TopicLine(NamedTuple):
    """A line of the topic; ``label`` is that of its header, None without one."""

    partition: int
    offset: int
    key: bytes | None
    raw: bytes
    label: bool | None


class TopicLines:
    """Iterate once. What lies in the topic when the object is made is what is read.

    ``of`` counts the offsets that there are, ``done`` those that are past. A partition that is ``queue_bytes`` ahead
    of the others waits for them. Raises BrokerError if there is no such topic or Kafka stops answering, InputError for
    an empty topic, and while reading for a header ``label`` that is neither ``0`` nor ``1``.
    """

    def __init__(self, settings: Settings, topic: str, reader: LineReader, queue_bytes: int = _QUEUE_BYTES) -> None:
        self._settings = settings
        self._topic = topic
        self._reader = reader
        with self._consumer() as consumer:
            ranges = {p.partition: offsets_of(consumer, p) for p in partitions_of(consumer, settings, topic)}
        self._queues = {n: _Queue(low, high, queue_bytes) for n, (low, high) in ranges.items()}
        self.done, self.of = 0, sum(high - low for low, high in ranges.values())
        if not self.of:
            raise InputError(f"the topic {topic} is empty; send lines to it: tinylogbert produce FILE")

    def __iter__(self) -> Iterator[TopicLine]:
        with self._consumer() as consumer:
            consumer.assign([TopicPartition(self._topic, n, queue.begin) for n, queue in self._queues.items()])
            for _, _, _, line in heapq.merge(*(self._in_time(consumer, n) for n in self._queues)):
                yield line

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        consumer = new_consumer(self._settings, **{"group.id": f"{self._settings.group_id}-replay"})
        try:
            with kafka_errors(self._settings):
                yield consumer
        finally:
            consumer.close()

    def _in_time(self, consumer: Consumer, partition: int) -> Iterator[tuple[int, int, int, TopicLine]]:
        """The lines of a partition, each behind the time so far: an order for the merge that never falls."""
        clock = SourceClock(self._settings.max_jump)
        lines = self._timed(consumer, partition)
        first = list(islice(lines, RUN))  # only with so many is it known what their time is
        for moment, _ in first:
            if moment is not None:
                clock.observe(moment)
        clock.settle()
        latest = 0
        for moment, line in first:
            if moment is not None and latest < moment <= clock.progress:
                latest = moment
            yield latest, partition, line.offset, line
        for moment, line in lines:
            if moment is not None:
                clock.observe(moment)
            yield clock.progress, partition, line.offset, line

    def _timed(self, consumer: Consumer, partition: int) -> Iterator[tuple[int | None, TopicLine]]:
        """The lines of a partition with their times; None for one that has none: it stands where the last one did."""
        queue = self._queues[partition]
        position = queue.begin
        while (message := self._next(consumer, queue)) is not None:
            self.done += message.offset() + 1 - position
            position = message.offset() + 1
            if message.value() is None:
                continue  # no line: a tombstone, or a control record in a topic that the route stage wrote
            line, moment = _line(message), None
            with suppress(BadLine):
                moment = self._reader.read(line.raw).time
            yield moment, line
        self.done += queue.end - position  # what compaction or a transaction left out

    def _next(self, consumer: Consumer, queue: "_Queue") -> Message | None:
        deadline = time.monotonic() + _STALL_S
        while not queue.messages:
            if queue.ended:
                return None
            if self._fetch(consumer):
                deadline = time.monotonic() + _STALL_S
            elif time.monotonic() > deadline:
                raise BrokerError(f"the topic {self._topic} gave nothing for {_STALL_S:.0f} s, at message {self.done}")
        return queue.take()

    def _fetch(self, consumer: Consumer) -> bool:
        """Fetch what comes first, of partitions with room for it; return whether anything came."""
        for number, queue in self._queues.items():
            if queue.full != queue.paused:
                queue.paused = queue.full
                (consumer.pause if queue.full else consumer.resume)([TopicPartition(self._topic, number)])
        came = False
        for message in consumer.consume(_BATCH, timeout=_WAIT_S):
            error = message.error()
            if error is not None and error.code() in PASSING:
                continue
            came = True
            if error is None:
                self._queues[message.partition()].put(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._queues[message.partition()].ended = True
            else:
                raise KafkaException(error)
        return came


class _Queue:
    """What is fetched of one partition and waits for its turn; ``end`` is the first offset that is not wanted."""

    def __init__(self, begin: int, end: int, room: int) -> None:
        self.begin, self.end = begin, end
        self.messages: deque[Message] = deque()
        self.ended = begin >= end
        self.paused = False
        self._bytes, self._room = 0, room

    @property
    def full(self) -> bool:
        return self.ended or self._bytes > self._room

    def put(self, message: Message) -> None:
        offset = message.offset()
        if offset < self.end:
            self.messages.append(message)
            self._bytes += len(message.value() or b"") + _MESSAGE_BYTES
        self.ended = self.ended or offset + 1 >= self.end

    def take(self) -> Message:
        message = self.messages.popleft()
        self._bytes -= len(message.value() or b"") + _MESSAGE_BYTES
        return message


def _line(message: Message) -> TopicLine:
    value = next((value for name, value in message.headers() or () if name == LABEL), None)
    label = None if value is None else _LABELS.get(value)
    place = (message.partition(), message.offset())
    if value is not None and label is None:
        where = f"{message.topic()}, partition {place[0]}, offset {place[1]}"
        raise InputError(f"{where}: the header label is {value!r}; it must be 0 or 1")
    return TopicLine(*place, message.key(), message.value() or b"", label)
