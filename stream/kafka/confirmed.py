"""Records first, then the offsets of what they were made of: at least once, for comparison with ``Transactions``.

A crash between the two leaves records that are sent again: an event may be published twice, and a line may be counted
twice in a window whose state was written ahead of the offset.
"""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from stream.kafka.batches import produce_batch, small
from stream.kafka.clients import MAX_MESSAGE_BYTES, new_producer
from stream.kafka.messages import Keyed, Record, one_by_one
from stream.kafka.patience import Patience
from stream.kafka.refusals import DENIED, fenced, refused, unreachable
from stream.kafka.sending import Aborted
from stream.kafka.standstill import awaited
from stream.settings import Settings

_LEAVE_S = 5.0
_SLICE_S = 2.0


class Confirmed:
    """Implements ``Sending`` with an idempotent producer and the offsets of the group."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings = settings
        self._patience = patience
        self._failed: KafkaError | None = None
        self._open = False
        self._client: Producer = new_producer(
            settings,
            **{
                "linger.ms": 5,
                "message.max.bytes": 4 * MAX_MESSAGE_BYTES,
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
            },
        )

    @property
    def open(self) -> bool:
        """Whether records were sent since the last commit."""
        return self._open

    def start(self) -> None:
        """Nothing is left open by anybody."""

    def emit(self, record: Record) -> None:
        """Send a record."""
        topic, key, value, headers, partition = record
        place = {} if partition is None else {"partition": partition}
        self._open = True
        try:
            while True:
                try:
                    self._client.produce(topic, value, key, headers=headers, **place)
                    return
                except BufferError:
                    self._client.poll(0.1)
        except KafkaException as error:
            raise self._ended(error.args[0]) from error

    def emit_lines(self, topic: str, lines: Sequence[Keyed]) -> None:
        """See ``Sending.emit_lines``."""
        if not small(lines):
            one_by_one(self.emit)(topic, lines)
            return
        self._open = True
        try:
            produce_batch(self._client, topic, lines)
        except KafkaException as error:
            raise self._ended(error.args[0]) from error

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Wait until every record is confirmed, then commit the offsets."""
        while waiting := self._client.flush(_SLICE_S):
            away = unreachable(
                self._settings, KafkaError(KafkaError._TIMED_OUT, f"{waiting} records are not confirmed")
            )
            if self._patience.stop():
                raise away
            self._patience.say(away)
            self._patience.look()
        if self._failed is not None:
            raise self._ended(self._failed)
        try:
            if offsets:
                self._patience.repeat(lambda: awaited(self._patience, lambda: _commit(consumer, offsets)))
        except KafkaException as error:
            if fenced(error):
                raise
            raise self._ended(error.args[0]) from error
        self._open = False

    def abort(self) -> None:
        """What is on its way cannot be called back; it is sent again."""
        self._open = False
        self._failed = None

    def leave(self) -> None:
        """Let what is on its way arrive, if that is quickly done."""
        self._client.flush(_LEAVE_S)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed = error

    def _ended(self, error: KafkaError) -> Exception:
        self.abort()
        if error.code() in DENIED or error.fatal():
            return refused(self._settings, error)
        return Aborted(error.str())


def _commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """Has no end while the coordinator keeps its connection open and answers nothing."""
    consumer.commit(offsets=offsets, asynchronous=False)
