"""One transaction after another: records and consumed offsets become visible together, or not at all.

The guarantee is Kafka's (KIP-98, KIP-447): offsets go with the group's metadata, so that a worker that lost its
partitions is fenced, whatever its transactional id is. That id has one more use: whoever starts with the same one ends
the open transaction of the one before at once; under another id the broker ends it after its timeout.
"""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from stream.kafka.clients import FENCED, MAX_MESSAGE_BYTES, kafka_errors, new_producer, refused
from stream.kafka.messages import Record
from stream.settings import Settings

_GIVE_UP_S = 60.0
_LEAVE_S = 5.0
_SLICE_S = 2.0  # a call into Kafka's client hears no Ctrl-C


class Aborted(Exception):
    """The transaction was aborted: nothing of it happened, and what was read has to be read again."""


class Transactions:
    """A transactional producer; at most one transaction is open, begun by the first record."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._named = settings.worker_id is not None
        self._id = f"{settings.group_id}-{settings.worker_id or uuid.uuid4().hex}"
        self._open = False
        with kafka_errors(settings):
            self._client: Producer | None = self._new_client()

    @property
    def open(self) -> bool:
        """Whether there is anything to commit or to abort."""
        return self._open

    def emit(self, record: Record) -> None:
        """Send a record within the transaction; raise Aborted or BrokerError as ``commit`` does."""
        topic, key, value, headers, partition = record
        place = {} if partition is None else {"partition": partition}
        try:
            client = self._begun()
            while True:
                try:
                    client.produce(topic, value, key, headers=headers, **place)
                    return
                except BufferError:
                    client.poll(0.1)
        except KafkaException as error:
            raise self._ended(error) from error

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Commit records and offsets together; raise Aborted if neither happened, BrokerError if there is no way on.

        Without offsets nothing would fence a worker that has lost its partitions: give all that it holds.
        """
        try:
            client, group = self._begun(), consumer.consumer_group_metadata()
            _resumed(lambda s: _back(lambda: client.send_offsets_to_transaction(offsets, group, s), 2 * s))
            _resumed(client.commit_transaction)
            self._open = False
            client.poll(0)
        except KafkaException as error:
            raise self._ended(error) from error
        except TimeoutError as error:
            self._replace()
            raise Aborted("Kafka's client does not find the group's coordinator again and is replaced") from error

    def abort(self) -> None:
        """Undo the open transaction, if there is one; raise BrokerError if another worker has taken over."""
        if self._open and self._client:
            try:
                _resumed(self._client.abort_transaction)
                self._open = False
            except KafkaException as error:
                self._replace_unless_fenced(error)

    def leave(self) -> None:
        """Undo the open transaction, if that is quickly done; raise BrokerError if it is left to the broker."""
        if self._open and self._client:
            with kafka_errors(self._settings):
                _resumed(self._client.abort_transaction, _LEAVE_S)

    def _begun(self) -> Producer:
        """The client, in a transaction."""
        if self._client is None:
            self._client = self._new_client()
        if not self._open:
            self._client.begin_transaction()
            self._open = True
        return self._client

    def _new_client(self) -> Producer:
        client = new_producer(
            self._settings,
            **{
                "transactional.id": self._id,
                "transaction.timeout.ms": self._settings.commit_interval + 20_000,
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # one commit soon after another finds the first still being written
                "message.max.bytes": 4 * MAX_MESSAGE_BYTES,  # a dead letter is its line and more; the broker decides
            },
        )
        client.list_topics(timeout=_SLICE_S)  # without a connection it would idle for half a second
        _resumed(client.init_transactions)
        return client

    def _replace(self) -> None:
        """Go on with a new client: that it begins aborts what this one leaves behind, for which readers would wait."""
        self._client, self._open = None, False
        with suppress(KafkaException):  # without a broker now, the next transaction tries again
            self._client = self._new_client()

    def _replace_unless_fenced(self, error: KafkaException) -> None:
        """A fatal error means a broker that forgot, or a transaction that timed out, unless the id is not its own."""
        if self._named and error.args[0].code() in FENCED:
            raise refused(self._settings, error) from error
        self._replace()

    def _ended(self, error: KafkaException) -> Exception:
        """Abort what can be aborted, and say what the caller is to raise."""
        cause: KafkaError = error.args[0]
        failed_before = cause.code() == KafkaError._STATE  # by a record or a request that was under way
        if cause.fatal():
            self._replace_unless_fenced(error)
        elif cause.txn_requires_abort() or failed_before:
            self.abort()
        else:
            return refused(self._settings, error)
        return Aborted(cause.str())


def _resumed(call: Callable[[float], None], give_up_s: float = _GIVE_UP_S) -> None:
    """Call with a timeout in s until it is done; the client goes on where it was. Raises what cannot be resumed."""
    deadline = time.monotonic() + give_up_s
    while True:
        try:
            call(_SLICE_S)
            return
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise


def _back(call: Callable[[], None], seconds: float) -> None:
    """Call in a thread of its own; raise what it raises, or TimeoutError if it is not back in time.

    With a coordinator that the client has taken off its list meanwhile (a broker that was restarted, a cluster that
    was changed), librdkafka 2.10 to 2.16 waits for ever in ``send_offsets_to_transaction``, whatever its timeout says
    (https://github.com/confluentinc/librdkafka/issues/5511). Such a call is left behind.
    """
    failures: list[KafkaException] = []

    def run() -> None:
        try:
            call()
        except KafkaException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if failures:
        raise failures[0]
