"""The windows' changelog read back from a real broker: the last value of each key, of what is committed, to its end.

What cannot be used is refused with its place and the way out.
"""

import threading

import pytest
from command import Command
from confluent_kafka.admin import NewPartitions, NewTopic
from pipeline import (
    ContentScorer,
    all_read,
    line,
    new_producer,
    new_settings,
    read_topic,
    refused,
    running,
    send,
    wait_until,
)
from test_topics import topic_flags

from stream.errors import StateError
from stream.kafka.changelog import partitions_written, read_changelog
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.settings import Settings
from stream.windows.records import sealed

SCORER = ContentScorer()


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.mark.parametrize("end", ["commit_transaction", "abort_transaction"])
def test_restoring_waits_for_what_is_not_decided_yet(broker: str, end: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings, **{"transactional.id": settings.group_id})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(settings.windows_topic, b"value", b"key", partition=0)
    producer.flush()
    found: list[tuple[int, int, bytes, bytes | None]] = []
    reading = threading.Thread(
        target=read_changelog,
        args=(settings, new_admin(settings), [0, 1], lambda *record: found.append(record)),
    )
    reading.start()
    reading.join(1)
    assert reading.is_alive()
    getattr(producer, end)()
    reading.join(30)
    assert found == ([(0, 0, b"key", b"value")] if end == "commit_transaction" else [])


def test_a_changelog_is_read_in_order_tombstones_included(broker: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings)
    records = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)]
    for key, value in records:
        producer.produce(settings.windows_topic, value, key, partition=0)
    producer.flush()
    found: list[tuple[int, int, bytes, bytes | None]] = []
    told: list[tuple[int, int]] = []
    read_changelog(
        settings, new_admin(settings), [0, 1], lambda *record: found.append(record), lambda *passed: told.append(passed)
    )
    assert found == [(0, offset, key, value) for offset, (key, value) in enumerate(records)]
    assert told[-1] == (4, 4)


# ── records that cannot be read ──


def write(settings: Settings, *records: tuple[bytes | None, bytes], partition: int = 1) -> None:
    producer = new_producer(settings)
    for key, value in records:
        producer.produce(settings.windows_topic, value, key, partition=partition)
    assert producer.flush(60) == 0


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"\x09nonsense", "it has version 9, this program reads version 1"),
        (sealed(b"window")[:-1] + b"?", "it is damaged"),
        (b"", "it has no version"),
    ],
)
def test_a_record_that_cannot_be_read_is_named_with_its_offset_and_the_way_out(
    broker: str, value: bytes, why: str
) -> None:
    settings = new_settings(broker)
    write(settings, (b"wblk_1", value), (b"n", sealed(b"3")), (b"wblk_1", value), (b"c", sealed(b"null")))
    text = (
        rf"^{settings.windows_topic}, partition 1, offset 2: record b'wblk_1' cannot be read: {why}.*; "
        "begin anew with another --group-id, --lines-topic and --windows-topic, "
        f"which read {settings.raw_topic} from its beginning and publish its windows again$"
    )
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker refuses")


def test_a_record_without_a_key_is_named_with_its_offset(broker: str) -> None:
    settings = new_settings(broker, create=False)
    admin = new_admin(settings)
    topic = NewTopic(settings.windows_topic, 3, 1)  # not compacted: only such a topic takes it
    admin.create_topics([topic])[settings.windows_topic].result(30)
    create_topics(admin, settings)
    write(settings, (b"n", sealed(b"3")), (None, b"foreign"))
    text = rf"{settings.windows_topic}, partition 1, offset 1: the record has no key.*begin anew"
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker refuses")


def test_a_damaged_record_that_a_later_one_replaces_does_no_harm(broker: str) -> None:
    settings = new_settings(broker)
    sound = sealed(b"1 0")
    write(settings, (b"pblk_1", b"damaged"), (b"pblk_2", b"damaged"), (b"pblk_1", sound), (b"pblk_2", sound))
    with running(settings, SCORER) as worker:
        wait_until(lambda: len(worker.score.partitions if worker.score else []) == 3, "the worker has its partitions")


# ── a number of partitions that changed ──


def begun(settings: Settings) -> None:
    """A worker has windows in every partition, and ends."""
    send(settings, [line(n, f"Receiving block blk_{n}") for n in range(30)])
    with running(settings, SCORER):
        wait_until(lambda: all_read(settings), "all is read")


def grow(settings: Settings, partitions: int) -> None:
    """Give the lines topic and the changelog more partitions, as an operator would."""
    admin = new_admin(settings)
    topics = (settings.lines_topic, settings.windows_topic)
    for done in admin.create_partitions([NewPartitions(topic, partitions) for topic in topics]).values():
        done.result(30)
    known = lambda topic: len(admin.list_topics(topic, timeout=30).topics[topic].partitions)  # noqa: E731
    wait_until(lambda: all(known(topic) == partitions for topic in topics), "the partitions are known")


def test_the_first_record_of_a_state_says_how_many_partitions_the_input_has(broker: str) -> None:
    settings = new_settings(broker)
    begun(settings)
    first = {message.partition(): message for message in reversed(read_topic(settings, settings.windows_topic))}
    assert {number: (message.key(), message.value()) for number, message in first.items()} == {
        number: (b"n", sealed(b"3")) for number in range(3)
    }
    assert partitions_written(settings, range(3)) == {0: 3, 1: 3, 2: 3}
    begun(settings)
    keys = [message.key() for message in read_topic(settings, settings.windows_topic)]
    assert keys.count(b"n") == 3


def test_a_state_of_another_number_of_partitions_is_refused_and_topics_show_says_so(
    broker: str, command: Command
) -> None:
    settings = new_settings(broker)
    begun(settings)
    assert command("topics", "show", *topic_flags(settings)).code == 0
    grow(settings, 5)
    text = (
        rf"^{settings.windows_topic}, partition \d: {settings.lines_topic} had 3 partitions when this state was begun "
        "and has 5 now: .* split; begin anew with another --group-id, --lines-topic and --windows-topic, "
    )
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker refuses")
    ran = command("topics", "show", *topic_flags(settings))
    assert ran.code == 1
    row = ran.out.decode().splitlines()[-1]
    assert f"holds windows of 3 partitions of {settings.lines_topic}, which has 5 now; begin anew with another " in row


def test_partitions_that_are_added_while_a_daemon_runs_are_refused(broker: str) -> None:
    settings = new_settings(broker, kafka={"topic.metadata.refresh.interval.ms": "200"})
    text = f"{settings.lines_topic} had 3 partitions when this daemon began and has 5 now: .*begin anew with another "
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.holds == 6, "the worker works")
        grow(settings, 5)
        wait_until(lambda: worker.ended, "the worker refuses")


def test_a_state_from_before_that_says_nothing_is_accepted_and_gets_the_number(broker: str) -> None:
    settings = new_settings(broker)
    write(settings, (b"t1", sealed(b"a template")))
    begun(settings)
    keys = [message.key() for message in read_topic(settings, settings.windows_topic) if message.partition() == 1]
    assert keys[:2] == [b"t1", b"n"]
    assert 1 not in partitions_written(settings, range(3))
