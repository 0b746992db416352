"""Labels of blocks from a topic of their own: key = block id, value = ``Normal`` or ``Anomaly``, as in a labels CSV.

What lies in the topic when it is asked for is what counts; who asks again gets what has come since. Joins no group,
commits nothing.
"""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream.errors import BrokerError, InputError
from stream.kafka.clients import new_consumer, offsets_of, partitions_of
from stream.kafka.refusals import PASSING, Unreachable, kafka_errors
from stream.labels import VALUES
from stream.settings import Settings

_STALL_S = 30.0
_WAIT_S = 0.1
_BATCH = 2_000


class LabelTopic:
    """What a topic says of blocks, as far as it was read: ``labels`` are, for each block id, whether it is anomalous.

    A block may be labelled twice alike. A message without a value takes the label back, so that another may follow.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self.labels: dict[str, bool] = {}
        self._settings, self._topic = settings, topic
        self._at: dict[int, int] = {}  # partition → the offset that comes next

    def read(self, told: Callable[[int, int], None] = lambda _done, _of: None) -> dict[str, bool]:
        """Read on to the end that is there now; return the labels.

        Raises BrokerError if there is no such topic or Kafka stops answering, and InputError, in one line with the
        place, for an empty topic, a message without a key, an unknown label, or one that differs from another of its
        block; for a topic whose labels were all taken back, too.
        """
        name = f"{self._settings.group_id}-replay"  # it is never joined
        consumer = new_consumer(self._settings, **{"group.id": name})
        try:
            with kafka_errors(self._settings):
                self._read(consumer, _ends(consumer, self._settings, self._topic), told)
        finally:
            consumer.close()
        if not self.labels:
            raise InputError(f"the topic {self._topic} has no labels: each one was taken back")
        return self.labels

    def _read(self, consumer: Consumer, ends: dict[int, tuple[int, int]], told: Callable[[int, int], None]) -> None:
        if not any(high - low for low, high in ends.values()):
            raise InputError(
                f"the topic {self._topic} is empty; it must hold labels, key = block id, value = Normal or Anomaly"
            )
        self._at = at = {partition: max(low, self._at.get(partition, low)) for partition, (low, _) in ends.items()}
        behind = {partition: offset for partition, offset in at.items() if offset < ends[partition][1]}
        of = sum(ends[partition][1] - offset for partition, offset in behind.items())
        consumer.assign([TopicPartition(self._topic, partition, offset) for partition, offset in behind.items()])
        deadline = time.monotonic() + _STALL_S
        while any(at[partition] < ends[partition][1] for partition in behind):
            for message in consumer.consume(_BATCH, timeout=_WAIT_S):
                if _is_news(message):
                    deadline = time.monotonic() + _STALL_S
                    at[message.partition()] = _taken(message, self.labels, ends[message.partition()][1])
            told(sum(at[partition] - offset for partition, offset in behind.items()), of)
            if time.monotonic() > deadline:
                raise BrokerError(f"the topic {self._topic} gave nothing for {_STALL_S:.0f} s")


def _ends(consumer: Consumer, settings: Settings, topic: str) -> dict[int, tuple[int, int]]:
    try:
        places = partitions_of(consumer, settings, topic)
    except Unreachable:
        raise
    except BrokerError as error:
        raise BrokerError(f"there is no topic {topic} of labels") from error
    return {place.partition: offsets_of(consumer, place) for place in places}


def _is_news(message: Message) -> bool:
    """Whether this is a message, or the end of a partition, and not what Kafka's client gets over by itself."""
    error = message.error()
    if error is not None and error.code() not in (KafkaError._PARTITION_EOF, *PASSING):
        raise KafkaException(error)
    return error is None or error.code() not in PASSING


def _taken(message: Message, labels: dict[str, bool], end: int) -> int:
    """Take a message in; return the offset that comes next. At the end of the partition, that is ``end``."""
    if message.error() is not None:
        return end
    if message.offset() < end:
        _label(message, labels)
    following: int = message.offset() + 1
    return min(following, end)


def _label(message: Message, labels: dict[str, bool]) -> None:
    where = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
    key, value = message.key(), message.value()
    if not key:
        raise InputError(f"{where}: a label without a key; it must be the block id")
    block = key.decode(errors="backslashreplace")
    if value is None:
        labels.pop(block, None)
        return
    label = VALUES.get(value.decode(errors="backslashreplace").strip())
    if label is None:
        raise InputError(f"{where}: label {value[:100]!r} is unknown; it must be Normal, Anomaly, 0 or 1")
    if labels.setdefault(block, label) is not label:
        raise InputError(f"{where}: {block} has another label here than before")
