"""Follows a topic from now on, from its beginning, or from its last messages on. Joins no group and commits nothing:
nobody notices it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message

from stream.kafka.clients import new_consumer, offsets_of, partitions_of
from stream.kafka.refusals import PASSING, kafka_errors
from stream.settings import Settings

_BATCH = 1_000
_POLL_S = 0.1
_COMPLAIN_S = 10.0


class Follower:
    """What is committed in all partitions of a topic; use it in a ``with`` block.

    ``last`` begins so many messages of each partition before its end; ``resume`` says, by partition, from which offset
    on instead. ``older`` says whether the topic held anything at the start. ``complain`` is given Kafka's errors that
    the client gets over by itself, at most one in ten seconds. Raises BrokerError.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        from_beginning: bool,
        complain: Callable[[str], None],
        *,
        last: int = 0,
        resume: Mapping[int, int] | None = None,
    ) -> None:
        self.older = False
        self.begins: dict[int, int] = {}
        self._behind: dict[int, int] = {}
        self._settings = settings
        self._complain = complain
        self._next_complaint = 0.0
        group = {"group.id": f"{settings.group_id}-follow"}  # the client wants a name; it is never joined
        self._consumer: Consumer = new_consumer(settings, error_cb=self._error, **group)
        places = partitions_of(self._consumer, settings, topic)
        with kafka_errors(settings):
            for place in places:
                low, high = offsets_of(self._consumer, place)
                self.older = self.older or high > low
                begin = low if from_beginning else max(low, high - last)
                if low <= (known := (resume or {}).get(place.partition, -1)) <= high:
                    begin = known
                self.begins[place.partition] = begin
                if begin < high:
                    self._behind[place.partition] = high
                # Not OFFSET_END: the client looks later where that is, and what came meanwhile would be missed.
                place.offset = OFFSET_BEGINNING if begin == low else begin
            self._consumer.assign(places)

    @property
    def caught_up(self) -> bool:
        """Whether everything was yielded that the topic held at the start."""
        return not self._behind

    def batches(self) -> Iterator[list[Message]]:
        """Yield what has come, ten times a second, without end; an empty list if nothing has."""
        with kafka_errors(self._settings):
            while True:
                yield [m for m in self._consumer.consume(_BATCH, timeout=_POLL_S) if self._is_event(m)]

    def __enter__(self) -> "Follower":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def _is_event(self, message: Message) -> bool:
        error = message.error()
        if error is not None and error.code() in PASSING:
            self._error(error)
            return False
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if self._behind and (error is not None or message.offset() + 1 >= self._behind.get(message.partition(), 0)):
            self._behind.pop(message.partition(), None)
        return error is None

    def _error(self, error: KafkaError) -> None:
        if time.monotonic() >= self._next_complaint:
            self._next_complaint = time.monotonic() + _COMPLAIN_S
            self._complain(error.str())
