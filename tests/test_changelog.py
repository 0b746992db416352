"""The windows' changelog read back from a real broker: the last value of each key, of what is committed, to its end."""

import threading

import pytest
from pipeline import new_producer, new_settings

from stream.kafka.changelog import read_changelog
from stream.kafka.clients import new_admin


@pytest.mark.parametrize("end", ["commit_transaction", "abort_transaction"])
def test_restoring_waits_for_what_is_not_decided_yet(broker: str, end: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings, **{"transactional.id": settings.group_id})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(settings.windows_topic, b"value", b"key", partition=0)
    producer.flush()
    found: dict[int, dict[bytes, bytes]] = {}
    reading = threading.Thread(target=lambda: found.update(read_changelog(settings, new_admin(settings), [0, 1])))
    reading.start()
    reading.join(1)
    assert reading.is_alive()
    getattr(producer, end)()
    reading.join(30)
    assert found == {0: {b"key": b"value"} if end == "commit_transaction" else {}, 1: {}}


def test_a_changelog_keeps_the_last_value_of_a_key_and_no_tombstone(broker: str) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings)
    for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)):
        producer.produce(settings.windows_topic, value, key, partition=0)
    producer.flush()
    told: list[tuple[int, int]] = []
    found = read_changelog(settings, new_admin(settings), [0, 1], lambda *passed: told.append(passed))
    assert found == {0: {b"a": b"3"}, 1: {}}
    assert told[-1] == (4, 4)
