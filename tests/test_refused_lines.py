"""Lines that are read and yet refused: of too many blocks, or under a key that is not theirs. They cost one letter."""

import pytest
from driver import Driver, FakeMessage, raw_line
from pipeline import new_settings, read_topic

from stream.kafka.messages import Record
from stream.kafka.sender import Sender
from stream.lines import MAX_BLOCKS
from stream.settings import load_settings
from stream.windows.files import Counts, windows_of

MOST = raw_line(0, " ".join(f"blk_{n}" for n in range(MAX_BLOCKS)))
TOO_MANY = raw_line(0, " ".join(f"blk_{n}" for n in range(MAX_BLOCKS + 1)))


def reasons(driver: Driver) -> list[bytes]:
    return [dict(letter.headers() or [])["reason"] for letter in driver.dead_letters()]


def routed(driver: Driver) -> list[FakeMessage]:
    return [m for m in driver.topics.get((driver.settings.lines_topic, 0), []) if m.key() is not None]


def test_a_line_of_as_many_blocks_as_hdfs_names_at_once_goes_to_each() -> None:
    driver = Driver().run(MOST)
    assert (len(routed(driver)), reasons(driver)) == (MAX_BLOCKS, [])


def test_a_line_of_more_blocks_is_one_dead_letter_and_not_multiplied() -> None:
    driver = Driver().run(TOO_MANY)
    assert (routed(driver), reasons(driver)) == ([], [b"blocks"])
    assert driver.dead_letters()[0].value() == TOO_MANY


def test_a_line_of_more_blocks_is_refused_in_files_and_keyed_topics_alike() -> None:
    counts = Counts()
    assert list(windows_of([TOO_MANY], counts=counts)) == []
    assert counts.bad == {"blocks": 1}
    driver = Driver(load_settings(keyed_input=True))
    driver.send(TOO_MANY, key="blk_7")
    assert reasons(driver.settle()) == [b"blocks"]


def test_produce_sends_a_line_of_more_blocks_once_to_a_keyed_topic(broker: str) -> None:
    settings = new_settings(broker, keyed_input=True)
    sender = Sender(settings, settings.raw_topic)
    sender.send([(TOO_MANY, None), (raw_line(0, "blk_1 blk_2"), None)])
    sender.flush()
    assert sorted(str(message.key()) for message in read_topic(settings, settings.raw_topic)) == [
        *("None", "b'blk_1'", "b'blk_2'")
    ]


@pytest.mark.parametrize("key", [None, b"", b"blk_2", b"host-1"])
def test_a_routed_line_under_a_key_that_it_does_not_name_is_a_dead_letter(key: bytes | None) -> None:
    driver = Driver()
    driver._append(Record(driver.settings.lines_topic, key, raw_line(0, "blk_1"), None, 0))
    assert reasons(driver.settle()) == [b"key"]
    assert driver.dead_letters()[0].key() == key
    assert len(driver.task().store) == 0


def test_a_routed_line_under_its_key_is_windowed() -> None:
    driver = Driver()
    driver._append(Record(driver.settings.lines_topic, b"blk_1", raw_line(0, "blk_1"), None, 0))
    assert reasons(driver.settle()) == []
    assert len(driver.task().store) == 1
