"""Kafka clients made from settings, and Kafka's errors as one clear line.

Raises only BrokerError. Messages of 16 MiB pass, so that whatever the raw topic let in can be dead-lettered with its
bytes untouched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.errors import BrokerError
from stream.settings import Settings

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_REACH_S = 5.0


def common(settings: Settings) -> dict[str, Any]:
    """Properties of every client; ``settings.kafka`` is laid over it."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "tinylogbert",
        # What matters reaches the caller as an error; librdkafka's own lines on stderr are not for an operator.
        "log_level": 2,
        **settings.kafka,
    }


def new_admin(settings: Settings) -> AdminClient:
    """An admin client on a broker that answers; raise BrokerError with what to do if none does within 5 s."""
    with kafka_errors(settings):
        admin = AdminClient(common(settings))
    try:
        admin.list_topics(timeout=_REACH_S)
    except KafkaException as error:
        raise unreachable(settings, error) from error
    return admin


def new_producer(settings: Settings, **properties: Any) -> Producer:
    """A producer for throughput: compressed batches, partitions as Java's clients choose them."""
    with kafka_errors(settings):
        return Producer(
            {
                **common(settings),
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "batch.size": 512 * 1024,
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": 256 * 1024,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                **properties,
            }
        )


def new_consumer(settings: Settings, **properties: Any) -> Consumer:
    """A consumer of what is committed, from the beginning where its group has no offset; it commits nothing itself."""
    with kafka_errors(settings):
        return Consumer(
            {
                **common(settings),
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "partition.assignment.strategy": "cooperative-sticky",
                "queued.max.messages.kbytes": 64 * 1024,
                "fetch.message.max.bytes": 4 * 1024 * 1024,
                "fetch.max.bytes": 64 * 1024 * 1024,
                "receive.message.max.bytes": 64 * 1024 * 1024 + 512,
                **properties,
            }
        )


def partitions_of(client: Consumer | AdminClient, settings: Settings, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, at their beginning; raise BrokerError if there is no such topic."""
    try:
        found = client.list_topics(topic, timeout=_REACH_S).topics[topic]
    except KafkaException as error:
        raise unreachable(settings, error) from error
    if found.error is not None or not found.partitions:
        raise BrokerError(f"there is no topic {topic}; create the topics: tinylogbert topics create")
    return [TopicPartition(topic, number, 0) for number in sorted(found.partitions)]


def unreachable(settings: Settings, error: KafkaException) -> BrokerError:
    """The one line for a broker that does not answer."""
    why = error.args[0].str() if isinstance(error.args[0], KafkaError) else str(error)
    return BrokerError(
        f"no Kafka answers at {settings.bootstrap_servers} ({why}); "
        "start one with: tinylogbert broker start, or say where it is with --bootstrap-servers"
    )


@contextmanager
def kafka_errors(settings: Settings) -> Iterator[None]:
    """Turn Kafka's exceptions into BrokerError, so that a command ends with one line."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        if isinstance(cause, KafkaError) and cause.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise unreachable(settings, error) from error
        text = cause.str() if isinstance(cause, KafkaError) else str(error)
        raise BrokerError(f"Kafka refuses: {text}") from error
