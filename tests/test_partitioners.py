"""Partitioners by key: the published vectors, where the real client puts keys, and what does not fit together."""

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from pipeline import ContentScorer, committed, line, new_settings, running, wait_until
from test_pipeline_on_kafka import refused

from stream.errors import InputError
from stream.kafka.partitioners import Keying, Partitioner, consistent, fnv1a, fnv1a_hash, murmur2, murmur2_hash

LONG = b"PreAmbleWillBeRemoved,ThePrePartThatIs"
OF_LIBRDKAFKA = (b"kafka", b"giberish123456789", b"1234", b"234", b"34", b"4", LONG, LONG[1:], LONG[2:], LONG[3:], b"")
WAYS: list[tuple[str, Partitioner]] = [("murmur2", murmur2), ("consistent", consistent), ("fnv1a", fnv1a)]


def test_murmur2_has_the_values_of_librdkafkas_test() -> None:
    assert [murmur2_hash(key) for key in OF_LIBRDKAFKA] == [
        *(0xD067CF64, 0x8F552B0C, 0x9FC97B14, 0xE7C009CA, 0x873930DA, 0x5A4B5CA1),
        *(0x78424F1C, 0x4A62B377, 0xE0E4E09E, 0x62B8B43F, 0x106E08D9),
    ]


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_has_the_values_of_kafkas_own_test(key: bytes, hashed: int) -> None:
    assert murmur2_hash(key) == hashed % 2**32


def test_fnv1a_has_the_values_of_librdkafkas_test() -> None:
    assert [fnv1a_hash(key) for key in OF_LIBRDKAFKA] == [
        *(0xD33C4E1, 0x77A58295, 0x23BDD03, 0x2DEA3CD2, 0x740FA83E, 0x310CA263),
        *(0x65CBD69C, 0x6E49C79A, 0x69EED356, 0x6ABCC023, 0x7EE3623B),
    ]


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_the_real_client_puts_keys_where_this_says(
    broker: str, create_topic: Callable[..., str], name: str, way: Partitioner
) -> None:
    topic = create_topic(partitions=7)
    producer = Producer({"bootstrap.servers": broker, "partitioner": name})
    landed: dict[bytes, int] = {}
    for number in range(200):
        producer.produce(
            topic,
            b"",
            b"blk_%d" % (number - 100),
            on_delivery=lambda _error, message: landed.update({message.key(): message.partition()}),
        )
    assert producer.flush(60) == 0
    assert len(landed) == 200
    assert landed == {key: way(key, 7) for key in landed}


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_keys_that_follow_one_way_fit(name: str, way: Partitioner) -> None:
    keying = Keying(5)
    assert all(keying.fits(key, way(key, 5)) for key in keys(100))


def test_keys_that_follow_different_ways_do_not_fit() -> None:
    keying = Keying(5)
    assert all(keying.fits(key, murmur2(key, 5)) for key in keys(20))
    astray = [key for key in keys(100) if consistent(key, 5) != murmur2(key, 5)]
    assert not any(keying.fits(key, consistent(key, 5)) for key in astray)


def test_keys_on_partitions_of_chance_do_not_fit_for_long() -> None:
    keying = Keying(4)
    assert not all(keying.fits(key, number % 4) for number, key in enumerate(keys(40)))


def keys(count: int) -> list[bytes]:
    return [b"blk_%d" % (number * 7_919_313) for number in range(count)]


# ── a keyed topic ──


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_a_keyed_topic_may_come_from_any_of_these_clients(broker: str, name: str, way: Partitioner) -> None:
    settings = new_settings(broker, keyed_input=True)
    producer = Producer({"bootstrap.servers": broker, "partitioner": name})
    for key in keys(30):
        producer.produce(settings.raw_topic, line(1, f"Receiving block {key.decode()}"), key)
    assert producer.flush(60) == 0
    with running(settings, ContentScorer()):
        wait_until(lambda: sum(committed(settings, settings.raw_topic)) == 30, "all lines are read")


def test_a_keyed_topic_with_a_block_on_the_wrong_partition_is_refused_and_the_place_is_named(broker: str) -> None:
    settings = new_settings(broker, keyed_input=True)
    producer = Producer({"bootstrap.servers": broker})
    *right, astray = keys(30)
    wrong = (murmur2(astray, 3) + 1) % 3
    for key in right:
        producer.produce(settings.raw_topic, line(1, f"Receiving block {key.decode()}"), key, partition=murmur2(key, 3))
    assert producer.flush(60) == 0
    text = rf"key b'{astray.decode()}' .*\({settings.raw_topic}, partition {wrong}, offset \d+\).*run without --keyed"
    with refused(InputError, text), running(settings, ContentScorer()) as worker:
        wait_until(lambda: sum(committed(settings, settings.raw_topic)) == 29, "all lines are read")
        producer.produce(settings.raw_topic, line(2, f"Receiving block {astray.decode()}"), astray, partition=wrong)
        assert producer.flush(60) == 0
        wait_until(lambda: worker.ended, "the worker refuses")
    assert sum(committed(settings, settings.raw_topic)) == 29
