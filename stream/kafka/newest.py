"""The newest records of a topic, as committed. Joins no group and commits nothing."""

import time
from typing import NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, TopicPartition

from stream.kafka.clients import new_consumer, offsets_of, partitions_of
from stream.kafka.refusals import PASSING, kafka_errors
from stream.settings import Settings

_POLL_S = 0.1
_PARTITIONS = 64


class Newest(NamedTuple):
    """A record: when it was stamped, in epoch ms, whether by the broker or by who wrote it, and its value."""

    stamped: int
    by_broker: bool
    value: bytes | None


def newest(settings: Settings, topic: str, most: int, seconds: float) -> list[Newest]:
    """Up to ``most`` of the last records of each partition (of 64 at most), as far as they come within so many seconds.

    Raises BrokerError.
    """
    deadline = time.monotonic() + seconds
    consumer = new_consumer(settings, **{"group.id": settings.group_id})  # the name is enough to read, see ``rights``
    try:
        places = partitions_of(consumer, settings, topic)[:_PARTITIONS]
        with kafka_errors(settings):
            return _read(consumer, [_begin(consumer, place, most) for place in places], deadline)
    finally:
        consumer.close()


def _begin(consumer: Consumer, place: TopicPartition, most: int) -> TopicPartition:
    low, high = offsets_of(consumer, place)
    return TopicPartition(place.topic, place.partition, max(low, high - most))


def _read(consumer: Consumer, places: list[TopicPartition], deadline: float) -> list[Newest]:
    consumer.assign(places)
    left, found = {place.partition for place in places}, []
    while left and time.monotonic() < deadline:
        for message in consumer.consume(1_000, timeout=_POLL_S):
            if (error := message.error()) is None:
                kind, stamped = message.timestamp()
                found.append(Newest(stamped, kind == TIMESTAMP_LOG_APPEND_TIME, message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            elif error.code() not in PASSING:
                raise KafkaException(error)
    return found
