"""Reads partitions of the windows' changelog to their ends, record by record; keeps none."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import StateError
from stream.kafka.clients import new_consumer, repeated
from stream.kafka.refusals import PASSING, kafka_errors
from stream.settings import Settings
from stream.windows.records import opened
from stream.windows.task import PARTITIONS

Take = Callable[[int, int, bytes, bytes | None], None]
"""Called with partition, offset, key and value of a record; the value None deletes."""
Told = Callable[[int, int], None]
"""Called with the offsets passed and the offsets there are, every now and then."""

_TIMEOUT_S = 30.0
_ANSWER_S = 10.0
_STALL_S = 120.0
_LOOK_S = 5.0  # without news, before the broker is asked whether it is there
_ASK_S = 2.0  # a client that has seen brokers go may never be answered: a new one is
_POLL_S = 0.05  # it waits so long even for the last few


def read_changelog(
    settings: Settings,
    admin: AdminClient,
    partitions: Iterable[int],
    take: Take,
    told: Told = lambda _passed, _of: None,
) -> None:
    """Give every record of these partitions to ``take``, in the order in which those of a partition were written.

    Call it after the partitions' committed offsets were fetched: that waits until the offsets of a dying worker's last
    transaction are decided. Its records here may be decided a moment later, and what is not decided hides what stands
    behind it: so this reads to the end of all that is written, not only of what is committed when it begins.

    Raises BrokerError if Kafka does not answer, StateError if a partition does not come to its end or holds a record
    without a key.
    """
    places = [TopicPartition(settings.windows_topic, number) for number in partitions]
    with kafka_errors(settings):
        begins = repeated(lambda: _offsets(admin, places, OffsetSpec.earliest()), _ASK_S)
        ends = repeated(lambda: _offsets(admin, places, OffsetSpec.latest()), _ASK_S)
        reading = _Reading(settings, begins, ends, take)
        if not reading.left:
            return
        consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-restore", "auto.offset.reset": "error"})
        try:
            consumer.assign([TopicPartition(settings.windows_topic, n, begins[n]) for n in reading.left])
            reading.run(consumer, told)
        finally:
            consumer.close()


def partitions_written(settings: Settings, partitions: Iterable[int]) -> dict[int, int]:
    """How many partitions the input had when the state in these partitions was begun, where their first record says so.

    Looks at the first records alone. Raises BrokerError.
    """
    places = [TopicPartition(settings.windows_topic, number, OFFSET_BEGINNING) for number in partitions]
    found: dict[int, int] = {}
    if not places:
        return found
    left = {place.partition for place in places}
    deadline = time.monotonic() + _TIMEOUT_S
    consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-look", "fetch.message.max.bytes": 1024})
    try:
        with kafka_errors(settings):
            consumer.assign(places)
            while left and time.monotonic() < deadline:
                for message in consumer.consume(1_000, timeout=_POLL_S):
                    if message.partition() in left and _looked_at(message, found):
                        left.discard(message.partition())
    finally:
        consumer.close()
    return found


def _looked_at(message: Message, found: dict[int, int]) -> bool:
    """Whether this is what a partition begins with, or the news that it is empty."""
    if (error := message.error()) is not None:
        if error.code() not in (KafkaError._PARTITION_EOF, *PASSING):
            raise KafkaException(error)
        return bool(error.code() == KafkaError._PARTITION_EOF)
    if message.key() == PARTITIONS:
        with suppress(StateError, ValueError):  # whoever restores it says what is wrong with it
            found[message.partition()] = int(opened(message.value() or b""))
    return True


def way_out(settings: Settings) -> str:
    """What to do where a state cannot be used."""
    topics = "--windows-topic" if settings.keyed_input else "--lines-topic and --windows-topic"
    return (
        f"begin anew with another --group-id, {topics}, which read {settings.raw_topic} from its beginning and publish "
        "its windows again"
    )


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    """The first or the last offset of each partition, be it committed or not."""
    asked = admin.list_offsets(dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {place.partition: future.result(_ANSWER_S).offset for place, future in asked.items()}


class _Reading:
    """How far each partition is read; ``left`` are those that are not at their end."""

    def __init__(self, settings: Settings, begins: dict[int, int], ends: dict[int, int], take: Take) -> None:
        self._topic = settings.windows_topic
        self._way_out = way_out(settings)
        self._of = sum(ends.values()) - sum(begins.values())
        self._begins = sum(begins.values())
        self._ends = ends
        self._positions = dict(begins)
        self._take = take
        self.left = {number for number, end in ends.items() if begins[number] < end}

    def run(self, consumer: Consumer, told: Told) -> None:
        """Read to the end of all partitions; raise KafkaException if the broker goes away meanwhile."""
        moved = looked = time.monotonic()
        while self.left:
            before = sum(self._positions.values())
            for message in consumer.consume(10_000, timeout=_POLL_S):
                self._read(message)
            passed = sum(self._positions.values())
            if passed > before:
                moved = looked = time.monotonic()
                told(passed - self._begins, self._of)
            elif time.monotonic() - looked > _LOOK_S:
                consumer.list_topics(self._topic, timeout=_ASK_S)
                looked = time.monotonic()
            elif time.monotonic() - moved > _STALL_S:
                number = min(self.left)
                raise StateError(
                    f"{self._topic} partition {number} gave nothing for {_STALL_S:.0f} s "
                    f"at offset {self._positions[number]} of {self._ends[number]}"
                )

    def _read(self, message: Message) -> None:
        error = message.error()
        number = message.partition()
        if error is None:
            offset, key = message.offset(), message.key()
            if key is None:
                place = f"{self._topic}, partition {number}, offset {offset}"
                raise StateError(f"{place}: the record has no key, so it is not this program's; {self._way_out}")
            self._take(number, offset, key, message.value())
            self._positions[number] = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            self._positions[number] = message.offset()  # past the marks of transactions, which are no messages
        elif error.code() in PASSING:
            return
        else:
            raise KafkaException(error)
        if self._positions[number] >= self._ends[number]:
            self.left.discard(number)
