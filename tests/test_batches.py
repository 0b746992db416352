"""Lines that are handed over many at a time, on a real broker: all of them, in order, or an error that says why not."""

from itertools import pairwise

import pytest
from confluent_kafka import KafkaError, KafkaException
from pipeline import new_settings, read_topic

from stream.kafka.batches import produce_batch, small
from stream.kafka.clients import new_producer
from stream.kafka.partitioners import murmur2


def lines(count: int) -> list[tuple[bytes, bytes]]:
    return [(b"blk_%d" % (number % 7), b"%06d" % number) for number in range(count)]


def test_lines_lie_where_kafkas_own_clients_put_their_keys_and_in_their_order(broker: str) -> None:
    settings = new_settings(broker, partitions=3)
    producer = new_producer(settings)
    for _ in range(2):
        produce_batch(producer, settings.lines_topic, lines(3000))
    producer.flush(30)
    found = read_topic(settings, settings.lines_topic)
    assert len(found) == 6000
    assert all(message.partition() == murmur2(message.key(), 3) for message in found)
    for partition in range(3):
        values = [message.value() for message in found if message.partition() == partition]
        assert sum(after <= before for before, after in pairwise(values)) == 1  # where the second batch begins


def test_a_queue_that_is_too_small_for_all_of_them_is_waited_for(broker: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings, **{"queue.buffering.max.messages": 100})
    produce_batch(producer, settings.lines_topic, lines(1000))
    producer.flush(30)
    assert sorted(message.value() for message in read_topic(settings, settings.lines_topic)) == [
        value for _, value in lines(1000)
    ]


def test_a_line_that_cannot_be_handed_over_is_an_error(broker: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings, **{"message.max.bytes": 2000})
    with pytest.raises(KafkaException) as error:
        produce_batch(producer, settings.lines_topic, [(b"blk_1", b"x" * 3000)])
    assert error.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_very_long_lines_go_one_by_one() -> None:
    assert small(lines(5000))
    assert not small([(b"blk_1", b"x" * 2**20)] * 9)
