"""The dead-letter topic, read from its beginning to its end: letters, and receipts of those that were put back.

A receipt is committed in one transaction with the line that was put back (``messages.receipt``), so the topic itself
says what happened to each letter, whatever was killed. Writes nothing, joins no group, commits nothing.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import BrokerError
from stream.kafka.clients import new_consumer, partitions_of, repeated
from stream.kafka.messages import Headers, read_receipt
from stream.kafka.refusals import PASSING, kafka_errors
from stream.settings import Settings

Told = Callable[[int, int], None]
"""Called with the offsets passed and the offsets there are, every now and then."""

Place = tuple[int, int]
"""Partition and offset of a letter in the dead-letter topic."""

_BATCH = 1_000
_POLL_S = 0.05
_TIMEOUT_S = 30.0
_STALL_S = 120.0  # longer than a transaction of a worker that died stays undecided


class Letter(NamedTuple):
    """A dead letter; ``time`` is when it was written, in epoch ms."""

    partition: int
    offset: int
    time: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    put_back: bool

    @property
    def place(self) -> Place:
        """Where it lies in the dead-letter topic."""
        return self.partition, self.offset

    def header(self, name: str) -> str:
        """The text of a header, empty without one."""
        value = next((value for known, value in self.headers if known == name), None)
        return (value or b"").decode(errors="backslashreplace")

    @property
    def source(self) -> tuple[str, str, str]:
        """Topic, partition and offset that it came from."""
        return self.header("source_topic"), self.header("source_partition"), self.header("source_offset")


class Letters:
    """The letters that are there when the object is made, which reads the topic once for the receipts.

    It reads to the end of what is written, and waits for what is not decided yet: a receipt may be, for a moment, when
    whoever put a letter back is told that it is committed, or stay unseen behind another's open transaction.
    ``foreign`` counts records that are neither letter nor receipt, as far as iterated. Raises BrokerError.
    """

    def __init__(self, settings: Settings, admin: AdminClient, told: Told = lambda _passed, _of: None) -> None:
        self.foreign = 0
        self._settings = settings
        self._topic = settings.dead_letter_topic
        self._told = told
        places = partitions_of(admin, settings, self._topic)
        with kafka_errors(settings):
            begins = repeated(lambda: _offsets(admin, places, OffsetSpec.earliest()), _TIMEOUT_S)
            ends = repeated(lambda: _offsets(admin, places, OffsetSpec.latest()), _TIMEOUT_S)
        self._ranges = {number: (begins[number], ends[number]) for number in begins}
        self._passed, self._of = 0, 2 * sum(end - begin for begin, end in self._ranges.values())
        self._receipts = {number: set(self._receipts_of(number)) for number in self._ranges}

    def __iter__(self) -> Iterator[Letter]:
        """Read the topic again: all letters, the newest last. One partition is in the order of its offsets."""
        return heapq.merge(*map(self._letters_of, self._ranges), key=lambda letter: letter.time)

    def was_put_back(self, place: Place) -> bool:
        """Whether there is a receipt for this place; the letter itself may be gone by now."""
        return place[1] in self._receipts.get(place[0], ())

    def _receipts_of(self, number: int) -> Iterator[int]:
        for message in self._messages(number):
            if (offset := read_receipt(message)) is not None:
                yield offset

    def _letters_of(self, number: int) -> Iterator[Letter]:
        receipts = self._receipts[number]
        for message in self._messages(number):
            headers = message.headers() or []
            if any(name == "reason" for name, _ in headers):
                offset, (_, written) = message.offset(), message.timestamp()
                done = offset in receipts
                yield Letter(number, offset, written, message.key(), message.value(), headers, done)
            elif read_receipt(message) is None:
                self.foreign += 1

    def _messages(self, number: int) -> Iterator[Message]:
        """What is committed in a partition, from its beginning to the end that was there at the start."""
        position, end = self._ranges[number]
        if position >= end:
            return
        consumer = new_consumer(self._settings, **{"group.id": f"{self._settings.group_id}-letters"})
        try:
            with kafka_errors(self._settings):
                consumer.assign([TopicPartition(self._topic, number, position)])
                moved = time.monotonic()
                while position < end:
                    before = position
                    for message in consumer.consume(_BATCH, timeout=_POLL_S):
                        if _is_message(message) and message.offset() < end:
                            yield message
                            position = message.offset() + 1
                        else:
                            position = max(position, message.offset() or 0)  # past the marks of transactions
                    if position > before:
                        moved = self._move(min(position, end) - before)
                    elif time.monotonic() - moved > _STALL_S:
                        raise BrokerError(f"{self._topic}, partition {number}: nothing comes at offset {position}")
        finally:
            consumer.close()

    def _move(self, by: int) -> float:
        self._passed += by
        self._told(self._passed, self._of)
        return time.monotonic()


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    asked = admin.list_offsets(dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {place.partition: future.result(_TIMEOUT_S).offset for place, future in asked.items()}


def _is_message(message: Message) -> bool:
    """False for the news that a partition is at its end, whose offset says how far that is."""
    error = message.error()
    if error is not None and error.code() not in (KafkaError._PARTITION_EOF, *PASSING):
        raise KafkaException(error)
    return error is None
