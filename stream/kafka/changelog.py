"""Reads a partition of the windows' changelog to its end: the last value of every key, tombstones left out."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream.errors import StateError
from stream.kafka.clients import kafka_errors, new_consumer
from stream.settings import Settings

Told = Callable[[int, int], None]
"""Called with records read, and the offset span of the partition, every now and then."""

_STALL_S = 30.0


def read_changelog(settings: Settings, partition: int, told: Told = lambda _read, _of: None) -> dict[bytes, bytes]:
    """Return the state of one partition, as far as it is committed.

    Call it after the partition's committed offsets were fetched: that waits for a dying worker's transaction, so that
    what is committed then is in the changelog up to its last stable offset.

    Raises BrokerError if Kafka does not answer, StateError if the partition does not come to its end.
    """
    where = TopicPartition(settings.windows_topic, partition, 0)
    consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-restore", "auto.offset.reset": "error"})
    records: dict[bytes, bytes] = {}
    read = 0
    try:
        with kafka_errors(settings):
            low, high = consumer.get_watermark_offsets(where, timeout=_STALL_S)
            where.offset = low
            consumer.assign([where])
            while True:
                messages = consumer.consume(10_000, timeout=_STALL_S)
                if not messages:
                    raise StateError(
                        f"{where.topic} partition {partition} gave nothing for {_STALL_S:.0f} s at record {read}"
                    )
                for message in messages:
                    error = message.error()
                    if error is None:
                        _apply(records, message.key(), message.value())
                    elif error.code() == KafkaError._PARTITION_EOF:
                        return records
                    else:
                        raise KafkaException(error)
                read += len(messages)
                told(read, high - low)
    finally:
        consumer.close()


def _apply(records: dict[bytes, bytes], key: bytes | None, value: bytes | None) -> None:
    if key is None:
        raise StateError("the changelog holds a record without a key")
    if value is None:
        records.pop(key, None)
    else:
        records[key] = value
