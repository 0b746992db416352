"""One transaction after another: records and consumed offsets become visible together, or not at all.

The guarantee is Kafka's (KIP-98, KIP-447): offsets go with the group's metadata, so that a worker that lost its
partitions is fenced.
"""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from stream.errors import BrokerError
from stream.kafka.clients import kafka_errors, new_producer
from stream.kafka.messages import Record
from stream.settings import Settings

_TIMEOUT_S = 30.0


class Aborted(Exception):
    """The transaction was aborted: nothing of it happened, and what was read has to be read again."""


class Transactions:
    """A transactional producer; at most one transaction is open, begun by the first record."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings = settings
        self._producer: Producer = new_producer(
            settings,
            **{"transactional.id": transactional_id, "transaction.timeout.ms": 30_000, "linger.ms": 5},
        )
        self._open = False
        with kafka_errors(settings):
            self._producer.init_transactions(_TIMEOUT_S)

    @property
    def open(self) -> bool:
        """Whether there is anything to commit or to abort."""
        return self._open

    def emit(self, record: Record) -> None:
        """Send a record within the transaction."""
        self._begin()
        topic, key, value, headers, partition = record
        place = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, **place)
                return
            except BufferError:
                self._producer.poll(0.1)

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Commit records and offsets together; raise Aborted if neither happened, BrokerError if there is no way on."""
        self._begin()
        try:
            self._retried(
                lambda: self._producer.send_offsets_to_transaction(
                    offsets, consumer.consumer_group_metadata(), _TIMEOUT_S
                )
            )
            self._retried(lambda: self._producer.commit_transaction(_TIMEOUT_S))
            self._open = False
        except KafkaException as error:
            raise self._ended(error) from error

    def abort(self) -> None:
        """Undo the open transaction, if there is one."""
        if self._open:
            with kafka_errors(self._settings):
                self._producer.abort_transaction(_TIMEOUT_S)
            self._open = False

    def _begin(self) -> None:
        if not self._open:
            with kafka_errors(self._settings):
                self._producer.begin_transaction()
            self._open = True

    def _retried(self, call: Callable[[], None]) -> None:
        for _ in range(5):
            try:
                call()
                return
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
        call()

    def _ended(self, error: KafkaException) -> Exception:
        cause: KafkaError = error.args[0]
        if cause.txn_requires_abort():
            self.abort()
            return Aborted(cause.str())
        if cause.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
            return BrokerError("another worker has taken over this worker's transactional id; this one ends")
        return BrokerError(f"the transaction cannot go on: {cause.str()}")
