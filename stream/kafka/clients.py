"""Kafka clients made from settings, and what is asked of them before anything is read.

Raises only BrokerError. Messages of 16 MiB pass, so that whatever the raw topic let in can be dead-lettered with its
bytes untouched.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.errors import BrokerError
from stream.kafka.handshake import listens, not_let_in
from stream.kafka.refusals import DENIED, LOST, PASSING, Unreachable, kafka_errors, refused, unreachable
from stream.settings import Settings

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_REACH_S = 5.0
_ASK_S = 0.5
_PENDING_S = 120.0  # longer than a transaction may be open
_SLICE_S = 2.0  # a call into Kafka's client hears no Ctrl-C
_RETRY_S = 0.2
_OFFSETS_S = 30.0
_Answer = TypeVar("_Answer")

_OURS = frozenset(
    (
        *("bootstrap.servers", "group.id", "group.instance.id", "transactional.id", "isolation.level"),
        *("enable.auto.commit", "enable.partition.eof", "enable.idempotence", "partition.assignment.strategy"),
        *("auto.offset.reset", "partitioner", "delivery.report.only.error"),
    )
)
"""Without these as they are, lines would be lost, doubled or scored in fragments; or they are settings of their own."""

# What matters reaches the caller as an error; librdkafka's own lines on stderr are not for an operator.
_logger = logging.getLogger("tinylogbert.librdkafka")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False


class Admin(AdminClient):  # type: ignore[misc]  # whose base is untyped
    """An admin client that keeps what Kafka tells it beside its calls."""

    def __init__(self, settings: Settings) -> None:
        self.told: deque[KafkaError] = deque(maxlen=20)
        self._settings = settings
        super().__init__({**_properties(settings), "error_cb": self.told.append})

    def refusal(self) -> BrokerError | None:
        """The one line for a login or a certificate that was refused since the last call; None if none was."""
        self.poll(0)
        found = not_let_in(self._settings, self.told)
        self.told.clear()
        return found


def new_admin(settings: Settings) -> Admin:
    """An admin client on a broker that answers; raise BrokerError with what to do if none does, or lets nobody in.

    It waits 5 s for a slow one, 1 s where every address refuses the connection or no token is to be had, and half a
    second where every broker refuses the login or a certificate.
    """
    with kafka_errors(settings):
        admin = Admin(settings)
    begun, by_all = time.monotonic(), False
    while True:
        try:
            admin.list_topics(timeout=_ASK_S)
            admin.told.clear()
            return admin
        except KafkaException as error:
            admin.poll(0)
            by_all = by_all or any(told.code() == KafkaError._ALL_BROKERS_DOWN for told in admin.told)
            refusal = not_let_in(settings, admin.told)
            if time.monotonic() - begun >= _patience(by_all, refusal):
                raise refusal or unreachable(settings, error, by_all and listens(settings)) from error


def _patience(by_all: bool, refusal: BrokerError | None) -> float:
    """How long to ask again, in s."""
    if isinstance(refusal, Unreachable):
        return 2 * _ASK_S
    if by_all:
        return 0 if refusal else 2 * _ASK_S
    return _REACH_S


def new_producer(settings: Settings, **properties: Any) -> Producer:
    """A producer for throughput: compressed batches, partitions as Java's clients choose them."""
    defaults = {
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 20,
        "batch.size": 512 * 1024,
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 256 * 1024,
        "message.max.bytes": MAX_MESSAGE_BYTES,
    }
    with kafka_errors(settings):
        return Producer(_properties(settings, defaults, properties))


def new_consumer(settings: Settings, **properties: Any) -> Consumer:
    """A consumer of what is committed, from the beginning where its group has no offset; it commits nothing itself."""
    defaults = {
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
        "queued.max.messages.kbytes": 64 * 1024,
        "fetch.wait.max.ms": 100,  # a new partition, and the news of an end, wait for the fetch that is under way
        "fetch.queue.backoff.ms": 20,  # a full queue is asked to wait a second before the next fetch, and runs dry
        "fetch.message.max.bytes": 4 * 1024 * 1024,
        "fetch.max.bytes": 64 * 1024 * 1024,
        "receive.message.max.bytes": 64 * 1024 * 1024 + 512,
    }
    with kafka_errors(settings):
        return Consumer(_properties(settings, defaults, properties))


def admin_properties(settings: Settings, **more: Any) -> dict[str, Any]:
    """Properties of an admin client for somebody who makes it, with others over them; raise BrokerError."""
    return {**_properties(settings), **more}


def _properties(settings: Settings, *tables: dict[str, Any]) -> dict[str, Any]:
    """Properties of a client: the user's go over all others but those that the program's correctness hangs on."""
    own: dict[str, Any] = {"bootstrap.servers": settings.bootstrap_servers, "client.id": "tinylogbert"}
    for table in tables:
        own.update(table)
    if taken := sorted(_OURS & settings.kafka.keys()):
        raise BrokerError(f"the client property {taken[0]} cannot be set: tinylogbert needs it to be as it is")
    return {**own, **settings.kafka, "logger": _logger}


def partitions_of(client: Consumer | AdminClient, settings: Settings, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, at their beginning; raise BrokerError if there is no such topic."""
    try:
        found = client.list_topics(topic, timeout=_REACH_S).topics[topic]
    except KafkaException as error:
        raise unreachable(settings, error) from error
    if found.error is not None and found.error.code() in DENIED:
        raise refused(settings, found.error)
    if found.error is not None or not found.partitions:
        raise BrokerError(f"there is no topic {topic}; create the topics: tinylogbert topics create")
    return [TopicPartition(topic, number, 0) for number in sorted(found.partitions)]


def committed_offsets(
    consumer: Consumer, places: list[TopicPartition], seconds: float = _PENDING_S
) -> list[TopicPartition]:
    """What the consumer's group has committed for these partitions; offsets below 0 where it has nothing.

    Waits until no transaction is pending on them: that of a worker that died is decided after its timeout at the
    latest. Raises KafkaException if that takes longer than so many seconds, or the broker is away.
    """
    return repeated(lambda: _committed(consumer, places), seconds)


def offsets_of(consumer: Consumer, place: TopicPartition, seconds: float = _OFFSETS_S) -> tuple[int, int]:
    """The first offset of a partition, and the one behind its last. Raises KafkaException after so many seconds."""
    found: tuple[int, int] = repeated(lambda: consumer.get_watermark_offsets(place, timeout=_SLICE_S), seconds)
    return found


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    found: list[TopicPartition] = consumer.committed(places, timeout=_SLICE_S)
    if failed := next((place.error for place in found if place.error is not None), None):
        raise KafkaException(failed)
    return found


def repeated(call: Callable[[], _Answer], seconds: float) -> _Answer:
    """Make a request again while the answer is an error that passes, for so long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in (*PASSING, *LOST) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
