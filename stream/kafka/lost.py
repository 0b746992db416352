"""Whether a group has read lines whose windows nobody knows of any more: the changelog was deleted."""

from confluent_kafka import TopicPartition

from stream.kafka.clients import new_consumer, offsets_of, partitions_of, repeated
from stream.kafka.refusals import kafka_errors
from stream.settings import Settings

_ASK_S = 5.0


def read_without_state(settings: Settings) -> int:
    """How many messages of the windowed topic the group has behind it though nothing was ever written to the changelog;
    0 if something was. Who has read anything has written what it believes of the time. Raises BrokerError.
    """
    consumer = new_consumer(settings, **{"group.id": settings.group_id})
    try:
        inputs = partitions_of(consumer, settings, settings.input_topic)
        changelog = partitions_of(consumer, settings, settings.windows_topic)
        with kafka_errors(settings):
            if any(offsets_of(consumer, TopicPartition(place.topic, place.partition))[1] for place in changelog):
                return 0
            found = repeated(lambda: consumer.committed(inputs, timeout=_ASK_S), _ASK_S)
            return sum(max(place.offset, 0) for place in found)
    finally:
        consumer.close()
