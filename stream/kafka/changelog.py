"""Reads partitions of the windows' changelog to their ends: the last value of every key, tombstones left out."""

import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import StateError
from stream.kafka.clients import new_consumer, repeated
from stream.kafka.refusals import kafka_errors
from stream.settings import Settings

Told = Callable[[int, int], None]
"""Called with the offsets passed and the offsets there are, every now and then."""

_TIMEOUT_S = 30.0
_STALL_S = 120.0
_POLL_S = 0.05  # it waits so long even for the last few


def read_changelog(
    settings: Settings, admin: AdminClient, partitions: Iterable[int], told: Told = lambda _passed, _of: None
) -> dict[int, dict[bytes, bytes]]:
    """Return the state of each of these partitions, whole.

    Call it after the partitions' committed offsets were fetched: that waits until the offsets of a dying worker's last
    transaction are decided. Its records here may be decided a moment later, and what is not decided hides what stands
    behind it: so this reads to the end of all that is written, not only of what is committed when it begins.

    Raises BrokerError if Kafka does not answer, StateError if a partition does not come to its end.
    """
    places = [TopicPartition(settings.windows_topic, number) for number in partitions]
    records: dict[int, dict[bytes, bytes]] = {place.partition: {} for place in places}
    with kafka_errors(settings):
        begins = repeated(lambda: _offsets(admin, places, OffsetSpec.earliest()), _TIMEOUT_S)
        ends = repeated(lambda: _offsets(admin, places, OffsetSpec.latest()), _TIMEOUT_S)
        reading = _Reading(settings.windows_topic, begins, ends, records)
        if not reading.left:
            return records
        consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-restore", "auto.offset.reset": "error"})
        try:
            consumer.assign([TopicPartition(settings.windows_topic, n, begins[n]) for n in reading.left])
            reading.run(consumer, told)
        finally:
            consumer.close()
    return records


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    """The first or the last offset of each partition, be it committed or not."""
    asked = admin.list_offsets(dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {place.partition: future.result(_TIMEOUT_S).offset for place, future in asked.items()}


class _Reading:
    """How far each partition is read; ``left`` are those that are not at their end."""

    def __init__(
        self, topic: str, begins: dict[int, int], ends: dict[int, int], records: dict[int, dict[bytes, bytes]]
    ) -> None:
        self._topic = topic
        self._of = sum(ends.values()) - sum(begins.values())
        self._begins = sum(begins.values())
        self._ends = ends
        self._positions = dict(begins)
        self._records = records
        self.left = {number for number, end in ends.items() if begins[number] < end}

    def run(self, consumer: Consumer, told: Told) -> None:
        """Read to the end of all partitions."""
        moved = time.monotonic()
        while self.left:
            before = sum(self._positions.values())
            for message in consumer.consume(10_000, timeout=_POLL_S):
                self._read(message)
            passed = sum(self._positions.values())
            if passed > before:
                moved = time.monotonic()
                told(passed - self._begins, self._of)
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
            _apply(self._records[number], message.key(), message.value())
            self._positions[number] = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            self._positions[number] = message.offset()  # past the marks of transactions, which are no messages
        else:
            raise KafkaException(error)
        if self._positions[number] >= self._ends[number]:
            self.left.discard(number)


def _apply(records: dict[bytes, bytes], key: bytes | None, value: bytes | None) -> None:
    if key is None:
        raise StateError("the changelog holds a record without a key")
    if value is None:
        records.pop(key, None)
    else:
        records[key] = value
