"""One transaction after another: records and consumed offsets become visible together, or not at all.

The guarantee is Kafka's (KIP-98, KIP-447): offsets go with the group's metadata, so that a worker that lost its
partitions is fenced, whatever its transactional id is. That id has one more use: whoever starts with the same one ends
the open transaction of the one before at once; under another id the broker ends it after its timeout.
"""

import uuid
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from stream.kafka.batches import produce_batch, small
from stream.kafka.clients import MAX_MESSAGE_BYTES, new_producer
from stream.kafka.messages import Keyed, Record, one_by_one
from stream.kafka.patience import Patience
from stream.kafka.refusals import DENIED, kafka_errors, refused
from stream.kafka.sending import Aborted
from stream.kafka.standstill import back, resumed
from stream.settings import Settings

_LEAVE_S = 5.0
_PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)  # by an abort: no cause of it
_SLICE_S = 2.0  # a call into Kafka's client hears no Ctrl-C


class Transactions:
    """Implements ``Sending``; at most one transaction is open, begun by the first record."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings = settings
        self._patience = patience
        self._id = f"{settings.group_id}-{settings.worker_id or uuid.uuid4().hex}"
        self._client: Producer | None = None
        self._open = False
        self._failed: KafkaError | None = None  # what the first record of this transaction failed of
        self._failed_topic: str | None = None

    @property
    def open(self) -> bool:
        """Whether a transaction is open."""
        return self._open

    def start(self) -> None:
        """Fence whoever had this name, and end the transaction that it left open."""
        if self._client is None:
            with kafka_errors(self._settings):
                self._client = self._new_client()

    def emit(self, record: Record) -> None:
        """Send a record within the transaction."""
        topic, key, value, headers, partition = record
        try:
            client = self._client
            if client is None or not self._open:
                client = self._begun()
            while True:
                try:
                    if partition is None:
                        client.produce(topic, value, key, headers=headers)
                    else:
                        client.produce(topic, value, key, partition, headers=headers)
                    return
                except BufferError:
                    client.poll(0.1)
        except KafkaException as error:
            raise self._ended(error) from error

    def emit_lines(self, topic: str, lines: Sequence[Keyed]) -> None:
        """Send lines within the transaction."""
        if not small(lines):
            one_by_one(self.emit)(topic, lines)
            return
        try:
            produce_batch(self._begun(), topic, lines)
        except KafkaException as error:
            raise self._ended(error) from error

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Commit records and offsets together (steps 3 and 4, 7 and 8 of a commit: see ``stream.kafka.commit``)."""
        try:
            client, group = self._begun(), consumer.consumer_group_metadata()
            # [3] [7]
            self._resumed(
                client, lambda: back(lambda: client.send_offsets_to_transaction(offsets, group, _SLICE_S), 2 * _SLICE_S)
            )
            # [4] [8]
            self._resumed(client, lambda: client.commit_transaction(_SLICE_S))
            self._open = False
            client.poll(0)
        except KafkaException as error:
            raise self._ended(error) from error
        except TimeoutError as error:
            self._forget()
            raise Aborted("Kafka's client does not find the group's coordinator again and is replaced") from error

    def abort(self) -> None:
        """Undo the open transaction, if there is one."""
        if self._open and self._client:
            try:
                self._client.abort_transaction(_SLICE_S)
                self._open = False
            except KafkaException:  # whatever it waits for, the next one does it by beginning
                self._forget()

    def leave(self) -> None:
        """Undo the open transaction, if that is quickly done."""
        if self._open and self._client:
            with kafka_errors(self._settings):
                self._client.abort_transaction(_LEAVE_S)

    def _begun(self) -> Producer:
        """The client, in a transaction."""
        client = self._client or self._new_client()
        self._client = client
        if not self._open:
            client.begin_transaction()
            self._open = True
            self._failed = None
        return client

    def _new_client(self) -> Producer:
        while True:
            try:
                return self._ready(self._made())
            except TimeoutError:
                continue

    def _ready(self, client: Producer) -> Producer:
        # Without a connection it would idle for half a second.
        self._patience.repeat(lambda: client.list_topics(timeout=_SLICE_S))
        self._resumed(client, lambda: client.init_transactions(_SLICE_S))
        return client

    def _made(self) -> Producer:
        return new_producer(
            self._settings,
            **{
                "transactional.id": self._id,
                "transaction.timeout.ms": self._settings.commit_interval + 20_000,
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # one commit soon after another finds the first still being written
                "message.max.bytes": 4 * MAX_MESSAGE_BYTES,  # a dead letter is its line and more; the broker decides
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
            },
        )

    def _resumed(self, client: Producer, call: Callable[[], object]) -> None:
        """Call until it is done: the client goes on where it was. Raises what cannot be resumed, and TimeoutError."""
        resumed(self._patience, client, call)

    def _forget(self) -> None:
        """Leave this client behind; ``start`` makes a new one, whose beginning ends what this one has open."""
        self._client, self._open = None, False

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() not in _PURGED and self._failed is None:
            self._failed, self._failed_topic = error, message.topic()

    def _ended(self, error: KafkaException) -> Exception:
        """Abort what can be aborted, and say what the caller is to raise."""
        cause: KafkaError = error.args[0]
        failed_before = cause.code() == KafkaError._STATE  # by a record or a request that was under way
        if cause.code() in DENIED:
            return refused(self._settings, error)
        if cause.fatal() or cause.code() == KafkaError._FATAL:
            # A broker that forgot, a transaction that timed out, or a worker of the same name: ``_FATAL`` hides which.
            self._forget()
            return Aborted(cause.str())
        if cause.txn_requires_abort() or failed_before:
            self.abort()
            return error if cause.code() == KafkaError.FENCED_INSTANCE_ID else self._aborted(cause)
        return refused(self._settings, error)

    def _aborted(self, cause: KafkaError) -> Exception:
        """The calls say that something failed before; the record that did says why."""
        if self._client is not None:
            self._client.poll(0)
        if self._failed is None:
            return Aborted(cause.str())
        if self._failed.code() in DENIED:
            return refused(self._settings, self._failed)
        large = self._failed.code() == KafkaError.MSG_SIZE_TOO_LARGE
        hint = "; raise its max.message.bytes, see tinylogbert topics show" if large else ""
        return Aborted(f"{self._failed_topic} does not take a record: {self._failed.str()}{hint}")
