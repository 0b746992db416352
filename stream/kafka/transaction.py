"""One transaction after another: records and consumed offsets become visible together, or not at all.

The guarantee is Kafka's (KIP-98, KIP-447): offsets go with the group's metadata, so that a worker that lost its
partitions is fenced, whatever its transactional id is. That id has one more use: whoever starts with the same one ends
the open transaction of the one before at once; under another id the broker ends it after its timeout.
"""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from stream.errors import BrokerError
from stream.kafka.clients import MAX_MESSAGE_BYTES, kafka_errors, new_producer, refused
from stream.kafka.messages import Record
from stream.settings import Settings

_GIVE_UP_S = 60.0
_SLICE_S = 2.0  # a call into Kafka's client hears no Ctrl-C


class Aborted(Exception):
    """The transaction was aborted: nothing of it happened, and what was read has to be read again."""


class Transactions:
    """A transactional producer; at most one transaction is open, begun by the first record."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings = settings
        self._producer: Producer = new_producer(
            settings,
            **{
                "transactional.id": transactional_id,
                "transaction.timeout.ms": settings.commit_interval + 20_000,
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # one commit soon after another finds the first still being written
                "message.max.bytes": 4 * MAX_MESSAGE_BYTES,  # a dead letter is its line and more; the broker decides
            },
        )
        self._open = False
        with kafka_errors(settings):
            self._producer.list_topics(timeout=_SLICE_S)  # without a connection it would idle for half a second
            _resumed(self._producer.init_transactions)

    @property
    def open(self) -> bool:
        """Whether there is anything to commit or to abort."""
        return self._open

    def emit(self, record: Record) -> None:
        """Send a record within the transaction; raise Aborted or BrokerError as ``commit`` does."""
        topic, key, value, headers, partition = record
        place = {} if partition is None else {"partition": partition}
        try:
            self._begin()
            while True:
                try:
                    self._producer.produce(topic, value, key, headers=headers, **place)
                    return
                except BufferError:
                    self._producer.poll(0.1)
        except KafkaException as error:
            raise self._ended(error) from error

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Commit records and offsets together; raise Aborted if neither happened, BrokerError if there is no way on.

        Without offsets nothing would fence a worker that has lost its partitions: give all that it holds.
        """
        try:
            self._begin()
            group = consumer.consumer_group_metadata()
            _resumed(lambda timeout: self._producer.send_offsets_to_transaction(offsets, group, timeout))
            _resumed(self._producer.commit_transaction)
            self._open = False
            self._producer.poll(0)
        except KafkaException as error:
            raise self._ended(error) from error

    def abort(self) -> None:
        """Undo the open transaction, if there is one; raise BrokerError if that is not possible."""
        if self._open:
            with kafka_errors(self._settings):
                _resumed(self._producer.abort_transaction)
            self._open = False

    def _begin(self) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open = True

    def _ended(self, error: KafkaException) -> Exception:
        """Abort what can be aborted, and say what the caller is to raise."""
        cause: KafkaError = error.args[0]
        failed_before = cause.code() == KafkaError._STATE  # by a record or a request that was under way
        if cause.fatal() or not (cause.txn_requires_abort() or failed_before):
            return refused(self._settings, error)
        try:
            self.abort()
        except BrokerError as fatal:
            return fatal
        return Aborted(cause.str())


def _resumed(call: Callable[[float], None]) -> None:
    """Call with a timeout in s until it is done; the client goes on where it was. Raises what cannot be resumed."""
    deadline = time.monotonic() + _GIVE_UP_S
    while True:
        try:
            call(_SLICE_S)
            return
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
