"""Many lines in one call of Kafka's client, which costs a third less than one call each. Knows no guarantee."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.kafka.messages import Keyed

_WAITING = 100_000
_BYTES = 8 * 1024 * 1024
_POLL_S = 0.05


def small(lines: Sequence[Keyed]) -> bool:
    """Whether so many lines fit beside what may be waiting: those of one call are taken or refused one by one, and none
    should overtake another.
    """
    return sum(len(value) for _, value in lines) <= _BYTES


def produce_batch(client: Producer, topic: str, lines: Sequence[Keyed]) -> None:
    """Hand lines over, in their order, each under its key; raise KafkaException for the first that cannot be.

    It waits while so much is under way that the client's queue might become full in their midst. If that happens all
    the same (the lines before were very long), what is left is handed over again, and may come behind its successors.
    """
    left = [{"key": key, "value": value} for key, value in lines]
    while len(client) > _WAITING:
        client.poll(_POLL_S)
    while client.produce_batch(topic, left) < len(left):
        left = [message for message in left if "_error" in message]
        errors: list[KafkaError] = [message.pop("_error") for message in left]
        for error in errors:
            if error.code() != KafkaError._QUEUE_FULL:
                raise KafkaException(error)
        client.poll(_POLL_S)
