"""Publishes the events of a replay where the daemon's go, a batch in one transaction. Knows no scorer.

Each event carries the header ``replay`` with the name of what is replayed, which tells it from those of the daemon. Two
replays publish everything twice: only what one of them sends is sent once.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream.errors import BrokerError
from stream.kafka.clients import new_admin, new_producer, partitions_of
from stream.kafka.messages import event_value
from stream.kafka.refusals import kafka_errors, refused
from stream.settings import Settings

REPLAY = "replay"
_TIMEOUT_S = 60.0
_LEAVE_S = 5.0
_LARGEST = 16 * 1024 * 1024  # the broker decides


class Publisher:
    """Use it in a ``with`` block; ``events`` counts what is committed. Raises BrokerError."""

    def __init__(self, settings: Settings, source: str) -> None:
        self.events = 0
        self._settings = settings
        self._headers = [(REPLAY, source.encode())]
        self._failed: KafkaError | None = None
        admin = new_admin(settings)
        for topic in (settings.scores_topic, settings.anomalies_topic):
            partitions_of(admin, settings, topic)
        self._producer: Producer = new_producer(
            settings,
            **{
                "transactional.id": f"{settings.group_id}-replay-{uuid.uuid4().hex}",
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # one commit soon after another finds the first still being written
                "message.max.bytes": _LARGEST,
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
            },
        )

    def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Send these events, all of them or none."""
        if not events:
            return
        try:
            self._producer.begin_transaction()
            for event in events:
                self._send(event)
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            text = refused(self._settings, self._failed or error)
            raise BrokerError(f"{text}; {self.events:,} events of the replay were published before") from error
        self.events += len(events)

    def __enter__(self) -> "Publisher":
        with kafka_errors(self._settings):
            self._producer.list_topics(timeout=_TIMEOUT_S)  # without a connection it would idle for half a second
            self._producer.init_transactions(_TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            with suppress(KafkaException):  # none is open, or it is undone by its timeout
                self._producer.abort_transaction(_LEAVE_S)

    def _send(self, event: dict[str, Any]) -> None:
        key, value = event["block_id"].encode(), event_value(event)
        topics = [self._settings.scores_topic, *([self._settings.anomalies_topic] if event["anomalous"] else [])]
        for topic in topics:
            while True:
                try:
                    self._producer.produce(topic, value, key, headers=self._headers)
                    break
                except BufferError:
                    self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._failed is None:
            self._failed = error
