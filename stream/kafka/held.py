"""The partitions that a worker holds, and how far it has read them. Knows no stage and sends nothing."""

from collections.abc import Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

Place = tuple[str, int]
"""Topic and partition."""


class Held:
    """``next[place]`` is the offset to be read next; -1 until it is known, and then there is nothing to commit."""

    def __init__(self) -> None:
        self.next: dict[Place, int] = {}
        self._moved: set[str] = set()

    def take(self, place: TopicPartition) -> TopicPartition:
        """Hold a partition from its committed offset on; return where to read from."""
        known = place.offset >= 0
        self.next[place.topic, place.partition] = place.offset if known else -1
        return TopicPartition(place.topic, place.partition, place.offset if known else OFFSET_BEGINNING)

    def drop(self, places: Iterable[TopicPartition]) -> None:
        """Hold these no more."""
        for place in places:
            self.next.pop((place.topic, place.partition), None)

    def read(self, place: Place, offset: int) -> None:
        """The message at this offset is read."""
        self.next[place] = offset + 1
        self._moved.add(place[0])

    def moved(self, topic: str) -> bool:
        """Whether anything of this topic was read since ``committed``."""
        return topic in self._moved

    def committed(self, topic: str) -> None:
        """What was read of this topic is committed."""
        self._moved.discard(topic)

    def offsets(self, topic: str, notes: Mapping[int, str]) -> list[TopicPartition]:
        """What to commit for this topic: of every partition, so that a commit without news is fenced as well.

        ``notes`` go with the offsets of their partitions, as metadata.
        """
        known = [(n, offset) for (t, n), offset in self.next.items() if t == topic and offset >= 0]
        return [TopicPartition(topic, n, offset, notes.get(n, "")) for n, offset in known]

    def lags(self, consumer: Consumer) -> dict[Place, int]:
        """Messages (and marks of transactions) that wait in each partition, as far as the client knows by now."""
        lags = {}
        for place in consumer.position([TopicPartition(*place) for place in self.next]):
            _, high = consumer.get_watermark_offsets(place, cached=True)
            at = place.topic, place.partition
            lags[at] = max(0, high - max(place.offset, self.next[at], 0))
        return lags
