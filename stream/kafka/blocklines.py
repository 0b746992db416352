"""The raw lines of one window, found in Kafka when a person wants to see them. Joins no group, commits nothing.

An event names the offsets of a few lines at most. The others lie in the same partition, as all lines of a block do, and
in the neighbourhood of what is known: of those offsets, and of where the partition ended when the window was scored.
That neighbourhood is searched, then one ten times as wide, until all lines are found or the search has become too long.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream.kafka.chained import RawLine, joined
from stream.kafka.clients import new_consumer, partitions_of
from stream.kafka.partitioners import consistent, fnv1a, murmur2
from stream.kafka.refusals import PASSING, kafka_errors
from stream.lines import BadLine, LineReader
from stream.lines.continued import read_chain
from stream.settings import Settings

RADII = (2_000, 20_000, 200_000)
_AHEAD = 0.1  # the lines of a window lie before its score: little is searched behind it
_BATCH = 5_000
_WAIT_S = 0.1
_ASK_S = 5.0


class Wanted(NamedTuple):
    """A window as its events tell of it: times in epoch ms; ``sources`` are places of lines that they name, and
    ``scored`` the times at which they were published, epoch ms.
    """

    block: bytes
    first: int
    last: int
    lines: int
    sources: tuple[tuple[str, int, int], ...]
    scored: tuple[int, ...]


@dataclass
class Found:
    """The lines in canonical order; ``why`` says in words why there are fewer than wanted, empty if there are not."""

    lines: list[RawLine] = field(default_factory=list)
    why: str = ""


class BlockLines:
    """Finds lines with one client, one search after the other; threads may share it. Raises BrokerError."""

    def __init__(self, settings: Settings, reader: LineReader, seconds: float = 5.0) -> None:
        self._settings = settings
        self._reader = reader
        self._seconds = seconds
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None

    def find(self, wanted: Wanted) -> Found:
        """Search for at most ``seconds``."""
        with self._lock, kafka_errors(self._settings):
            if self._consumer is None:
                group = {"group.id": f"{self._settings.group_id}-look"}  # the client wants a name; it is never joined
                self._consumer = new_consumer(self._settings, **group)
            try:
                return self._find(self._consumer, wanted, time.monotonic() + self._seconds)
            finally:
                self._consumer.unassign()

    def close(self) -> None:
        """Give the client back."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _find(self, consumer: Consumer, wanted: Wanted, deadline: float) -> Found:
        topic = self._settings.input_topic  # and no other, whatever an event says
        count = len(partitions_of(consumer, self._settings, topic))
        found, ends = Found(), []
        for partition in _candidates(wanted, topic, count, self._settings.keyed_input):
            place = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(place, timeout=_ASK_S)
            hints = _hints(consumer, wanted, place, high)
            for radius in RADII:
                lines = self._search(consumer, wanted, place, _ranges(hints, radius, low, high), deadline)
                found.lines = max(found.lines, lines, key=len)
                if len(found.lines) >= wanted.lines or time.monotonic() > deadline:
                    break
            ends.append((low, min(hints, default=low)))
            if found.lines or time.monotonic() > deadline:
                break
        if len(found.lines) < wanted.lines:
            found.why = _why(ends)
        return found

    def _search(
        self,
        consumer: Consumer,
        wanted: Wanted,
        place: TopicPartition,
        ranges: Sequence[tuple[int, int]],
        deadline: float,
    ) -> list[RawLine]:
        lines = []
        for begin, end in ranges:
            for offset, raw in _values(consumer, place, begin, end, wanted.block, deadline):
                line = self._read(raw, (place.topic, place.partition, offset))
                if line is not None and wanted.first <= line.time <= wanted.last:
                    lines.append(line)
        return joined(lines)

    def _read(self, raw: bytes, source: tuple[str, int, int]) -> RawLine | None:
        if (chain := read_chain(raw)) is not None:
            time, text = chain
            return RawLine(time, text, text.encode(), source)
        try:
            time, text = self._reader.read(raw)
        except BadLine:
            return None
        return RawLine(time, text, raw, source)


def _candidates(wanted: Wanted, topic: str, count: int, keyed: bool) -> list[int]:
    """Partitions in which the block can lie: the one that is known, or those that a partitioner would choose."""
    known = [partition for name, partition, _ in wanted.sources if name == topic and 0 <= partition < count]
    if known:
        return known[:1]
    ways = (murmur2, consistent, fnv1a) if keyed else (murmur2,)
    return list(dict.fromkeys(choose(wanted.block, count) for choose in ways))


def _hints(consumer: Consumer, wanted: Wanted, place: TopicPartition, high: int) -> list[int]:
    """Offsets near which lines lie, ascending."""
    hints = {offset for name, number, offset in wanted.sources if (name, number) == (place.topic, place.partition)}
    asked = [TopicPartition(place.topic, place.partition, moment) for moment in wanted.scored]
    for one in asked:  # one at a time: a client asks for each partition once
        [answer] = consumer.offsets_for_times([one], timeout=_ASK_S)
        hints.add(answer.offset if answer.offset >= 0 else high)
    return sorted(hints)


def _ranges(hints: Sequence[int], radius: int, low: int, high: int) -> list[tuple[int, int]]:
    """What is to be searched, from and to, without overlaps."""
    ranges: list[tuple[int, int]] = []
    for hint in hints:
        begin, end = max(low, hint - radius), min(high, hint + max(1, int(radius * _AHEAD)))
        if ranges and begin <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        elif begin < end:
            ranges.append((begin, end))
    return ranges


def _values(
    consumer: Consumer, place: TopicPartition, begin: int, end: int, block: bytes, deadline: float
) -> Iterator[tuple[int, bytes]]:
    """Offsets and values from ``begin`` up to ``end`` of messages under this key."""
    consumer.assign([TopicPartition(place.topic, place.partition, begin)])
    while time.monotonic() < deadline:
        for message in consumer.consume(_BATCH, timeout=_WAIT_S):
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                if error.code() in PASSING:
                    continue
                raise KafkaException(error)
            if message.offset() >= end:
                return
            if message.key() == block and (value := message.value()):
                yield message.offset(), value
            if message.offset() + 1 >= end:
                return


def _why(ends: Sequence[tuple[int, int]]) -> str:
    if any(first < low for low, first in ends):
        return "Kafka has deleted the others by now (retention)"
    if any(low > 0 for low, _ in ends):
        return "the others were deleted by now (retention), or lie too far from what is known of the window"
    return "the others lie too far from what is known of the window, or are written by now to another place"


def sources_of(event: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """The places of lines that an event's evidence names."""
    for entry in event["evidence"]:
        match entry.get("source"):
            case [str(topic), int(partition), int(offset)]:
                yield topic, partition, offset
