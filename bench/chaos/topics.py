"""Reads topics to their ends, as far as committed, while nothing is written to them any more. Knows no daemon."""

import time

from confluent_kafka import KafkaError, KafkaException, Message

from bench.chaos.compare import Event, read_event
from stream.errors import BrokerError
from stream.kafka.clients import new_consumer, partitions_of
from stream.kafka.refusals import kafka_errors
from stream.settings import Settings

_BATCH = 10_000
_POLL_S = 0.2
_GIVE_UP_S = 60.0


def read_topic(settings: Settings, topic: str) -> list[Message]:
    """All messages, partition by partition in their order; raise BrokerError if it does not come to its end."""
    with kafka_errors(settings):
        consumer = new_consumer(settings, **{"group.id": f"{settings.group_id}-look"})
        try:
            places = partitions_of(consumer, settings, topic)
            consumer.assign(places)
            found: dict[int, list[Message]] = {place.partition: [] for place in places}
            ended: set[int | None] = set()
            deadline = time.monotonic() + _GIVE_UP_S
            while len(ended) < len(places):
                for message in consumer.consume(_BATCH, timeout=_POLL_S):
                    if (error := message.error()) is None:
                        found[message.partition() or 0].append(message)
                        deadline = time.monotonic() + _GIVE_UP_S
                    elif error.code() == KafkaError._PARTITION_EOF:
                        ended.add(message.partition())
                    else:
                        raise KafkaException(error)
                if time.monotonic() > deadline:
                    raise BrokerError(f"{topic} does not come to its end; an open transaction may stand in it")
            return [message for number in sorted(found) for message in found[number]]
        finally:
            consumer.close()


def read_events(settings: Settings, topic: str) -> list[Event]:
    """The events of a topic, partition by partition in their order."""
    return [read_event(message.value() or b"") for message in read_topic(settings, topic)]
