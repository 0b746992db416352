"""How far a consumer group has come, seen from outside: offsets that it has committed against the ends of its topics.

Joins no group: the client bears the group's name, which is enough to ask.
"""

from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.kafka.clients import new_consumer, partitions_of
from stream.kafka.refusals import refused
from stream.settings import Settings

_ASK_S = 5.0


class Progress(NamedTuple):
    """Messages of a topic, over all partitions: those that the group has behind it, and those that wait for it."""

    done: int
    waiting: int


class GroupLag:
    """Asks for the topics that the daemon reads; ``close`` it. Raises BrokerError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: Consumer = new_consumer(settings, **{"group.id": settings.group_id})

    def ask(self) -> dict[str, Progress]:
        """The progress by topic, of topics of which the group has committed anything."""
        topics = dict.fromkeys((self._settings.raw_topic, self._settings.input_topic))
        try:
            return {topic: found for topic in topics if (found := self._topic(topic)) is not None}
        except KafkaException as error:
            raise refused(self._settings, error) from error

    def close(self) -> None:
        """Give the client back."""
        self._consumer.close()

    def _topic(self, topic: str) -> Progress | None:
        places = partitions_of(self._consumer, self._settings, topic)
        committed = self._consumer.committed(places, timeout=_ASK_S)
        if not any(place.offset >= 0 for place in committed):
            return None
        done = waiting = 0
        for place in committed:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=_ASK_S)
            at = place.offset if place.offset >= 0 else low
            done += at
            waiting += max(0, high - at - self._mark(topic))
        return Progress(done, waiting)

    def _mark(self, topic: str) -> int:
        """Offsets that hold no message: a transaction of the route stage ends with a mark, which nobody reads."""
        written = topic == self._settings.lines_topic and self._settings.guarantee == "exactly-once"
        return 1 if written else 0
