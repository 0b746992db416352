"""Reads a partition of the windows' changelog to its end: the last value of every key, tombstones left out."""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import StateError
from stream.kafka.clients import kafka_errors, new_consumer
from stream.settings import Settings

Told = Callable[[int, int], None]
"""Called with the offsets passed and the offsets there are, every now and then."""

_TIMEOUT_S = 30.0
_STALL_S = 120.0
_POLL_S = 0.05  # it waits so long even for the last few


def read_changelog(
    settings: Settings, admin: AdminClient, partition: int, told: Told = lambda _passed, _of: None
) -> dict[bytes, bytes]:
    """Return the state of one partition, whole.

    Call it after the partition's committed offsets were fetched: that waits until the offsets of a dying worker's last
    transaction are decided. Its records here may be decided a moment later, and what is not decided hides what stands
    behind it: so this reads to the end of all that is written, not only of what is committed when it begins.

    Raises BrokerError if Kafka does not answer, StateError if the partition does not come to its end.
    """
    where = TopicPartition(settings.windows_topic, partition, 0)
    with kafka_errors(settings):
        low, end = _span(admin, where)
        if low == end:
            return {}
        consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-restore", "auto.offset.reset": "error"})
        try:
            where.offset = low
            consumer.assign([where])
            return _read(consumer, where, end, told)
        finally:
            consumer.close()


def _span(admin: AdminClient, where: TopicPartition) -> tuple[int, int]:
    """The first offset, and the one behind the last, be it committed or not."""
    low, end = (
        admin.list_offsets({where: spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED)[where].result(_TIMEOUT_S)
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
    )
    return low.offset, end.offset


def _read(consumer: Consumer, where: TopicPartition, end: int, told: Told) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    low = position = where.offset
    moved = time.monotonic()
    while position < end:
        before = position
        for message in consumer.consume(10_000, timeout=_POLL_S):
            error = message.error()
            if error is None:
                _apply(records, message.key(), message.value())
                position = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                position = message.offset()  # past the marks of transactions, which are no messages
            else:
                raise KafkaException(error)
        if position > before:
            moved = time.monotonic()
            told(position - low, end - low)
        elif time.monotonic() - moved > _STALL_S:
            raise StateError(
                f"{where.topic} partition {where.partition} gave nothing for {_STALL_S:.0f} s "
                f"at offset {position} of {end}"
            )
    return records


def _apply(records: dict[bytes, bytes], key: bytes | None, value: bytes | None) -> None:
    if key is None:
        raise StateError("the changelog holds a record without a key")
    if value is None:
        records.pop(key, None)
    else:
        records[key] = value
