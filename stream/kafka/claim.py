"""Who has a worker's name: whoever claimed it last. A register in Kafka itself, one per name.

The group and the broker of transactions tell a worker that its name is taken, but not by whom: it may be itself. A
reply of the group that got lost with its broker leaves it known by a member id that it never heard of, and it is fenced
as if another had come. One that stood still may have an heir, and would throw it out by asking: both ways of finding
out, to join again and to begin as producer, take the name. So every worker that has a name writes, before it takes it
anywhere else, a word of its own beside it; the word is the metadata of an offset that is committed to a group
called like its transactions.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.errors import BrokerError
from stream.kafka.clients import new_consumer
from stream.kafka.patience import Patience
from stream.kafka.standstill import awaited, back
from stream.settings import Settings

_SLICE_S = 2.0  # a call into Kafka's client hears no Ctrl-C
_COORDINATOR_MS = 10_000  # so long it holds a commit back where it finds no coordinator


class Claim:
    """One process's claim to its ``worker_id``; without one nobody else can have the same name, and nothing is asked.

    Waits for a broker that is away, and raises Unreachable only if the worker was told to end.
    """

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings = settings
        self._patience = patience
        self._word = uuid.uuid4().hex

    def make(self) -> None:
        """Claim the name; whoever had it ends when it looks."""
        if self._settings.worker_id is not None:
            self._patience.repeat(self._write)

    def require(self) -> None:
        """Raise BrokerError if another has claimed the name since."""
        if self._settings.worker_id is not None and self._patience.repeat(self._read) not in (self._word, ""):
            raise BrokerError(
                f"another worker has taken this one's place: it has the same --worker-id {self._settings.worker_id}; "
                "what this one had not committed is read again"
            )

    def _write(self) -> None:
        with self._register() as (register, topic):
            word = [TopicPartition(topic, 0, 0, self._word)]
            awaited(self._patience, lambda: register.commit(offsets=word, asynchronous=False))

    def _read(self) -> str:
        """The last claim; empty if the broker has none any more, as after a week in which it was not made again."""
        with self._register() as (register, topic):
            place = register.committed([TopicPartition(topic, 0)], timeout=_SLICE_S)[0]
        if place.error is not None:
            raise KafkaException(place.error)
        return place.metadata or ""

    @contextmanager
    def _register(self) -> Iterator[tuple[Consumer, str]]:
        """A client that is nobody's member, new since one that has seen brokers go may hold on to what it knew; and a
        topic that this worker may read.
        """
        properties: dict[str, Any] = {"group.id": f"{self._settings.group_id}-{self._settings.worker_id}"}
        properties["session.timeout.ms"] = _COORDINATOR_MS
        client = new_consumer(self._settings, **properties)
        try:
            yield client, self._settings.input_topic if self._settings.stage == "score" else self._settings.raw_topic
        finally:
            with suppress(TimeoutError):  # of a client that is still owed an answer
                back(client.close, _SLICE_S)
