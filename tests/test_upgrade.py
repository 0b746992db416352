"""An upgrade loses nothing: today's daemon goes on from the state that earlier releases left in Kafka.

``tests/states`` holds what each release wrote, byte for byte, as ``record_state.py`` recorded it with that release:
open windows, templates, numbers of parts, clocks, and the notes of committed offsets. The lines after it are sent to
today's daemon, and its closed windows have to be those that the old release published when nobody interrupted it.
"""

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from pipeline import ContentScorer, new_producer, new_settings, read_topic, refused, running, wait_until
from record_state import OVERRIDES, PARTITIONS, closed, send_lines

from stream.errors import StateError
from stream.settings import Settings, load_settings
from stream.windows.files import windows_of
from stream.windows.openwindow import is_scored
from stream.windows.records import VERSION, opened, sealed

STATES = sorted((Path(__file__).parent / "states").glob("*/*.jsonl"))
NAMES = [f"{path.parent.name}-{path.stem}" for path in STATES]
SCORER = ContentScorer()


class State:
    """What is in a file."""

    def __init__(self, path: Path) -> None:
        first, *rows = map(json.loads, path.read_text().splitlines())
        self.version: str = first["version"]
        self.keyed: bool = first["keyed"]
        self._rows: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            for name, value in row.items():
                self._rows[name].append(value)

    def lines(self, when: str) -> list[tuple[int, bytes]]:
        return [(partition, text.encode()) for partition, text in self._rows[when]]

    @property
    def changelog(self) -> list[tuple[int, bytes, bytes | None]]:
        return [(n, b64decode(key), value and b64decode(value)) for n, key, value in self._rows["changelog"]]

    def committed(self, settings: Settings) -> list[TopicPartition]:
        return [TopicPartition(getattr(settings, topic), *place) for topic, *place in self._rows["committed"]]

    def closed(self, when: str) -> list[list[Any]]:
        return self._rows[when]

    def windows(self) -> dict[bytes, bytes]:
        """Bodies of the records of open windows, as compaction leaves them."""
        last = {key: value for _, key, value in self.changelog if key[:1] == b"w"}
        return {key[1:]: opened(value) for key, value in last.items() if value is not None}


@pytest.fixture(params=STATES, ids=NAMES)
def state(request: pytest.FixtureRequest) -> State:
    return State(request.param)


def left_behind(broker: str, state: State, spoiled: Mapping[bytes, bytes] | None = None) -> Settings:
    """Topics and a group as a daemon of that release left them; ``spoiled`` are records that are others."""
    settings = new_settings(broker, keyed_input=state.keyed, **OVERRIDES)
    send_lines(settings, state.lines("before"))
    offsets = state.committed(settings)
    producer = new_producer(settings)
    for place in offsets:
        if place.topic == settings.lines_topic:
            for _ in range(place.offset):  # routed lines and marks of transactions, all of which were read
                producer.produce(place.topic, b"was read", b"was read", partition=place.partition)
    for partition, key, value in state.changelog:
        producer.produce(settings.windows_topic, (spoiled or {}).get(key, value), key, partition=partition)
    assert producer.flush(60) == 0
    group = Consumer({"bootstrap.servers": broker, "group.id": settings.group_id})
    group.commit(offsets=offsets, asynchronous=False)
    group.close()
    return settings


# ── going on ──


def test_todays_daemon_goes_on_from_an_earlier_releases_state_as_if_nobody_had_interrupted_it(
    broker: str, state: State
) -> None:
    settings = left_behind(broker, state)
    send_lines(settings, state.lines("after"))
    wanted = [window for window in state.closed("closed_in_the_end") if window not in state.closed("closed")]
    with running(settings, SCORER):
        wait_until(lambda: len(closed(settings)) >= len(wanted), "all windows are closed")
    assert closed(settings) == wanted  # and none of those that were published before


def test_what_it_writes_after_that_is_todays_state(broker: str, state: State) -> None:
    settings = left_behind(broker, state)
    begin = {number: sum(n == number for n, *_ in state.changelog) for number in range(PARTITIONS)}
    send_lines(settings, state.lines("after"))
    with running(settings, SCORER):
        wait_until(lambda: any(new(settings, begin)), "a record is written")
    for _, value in new(settings, begin):
        assert value is None or value[0] == VERSION


def new(settings: Settings, begin: Mapping[int, int]) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Key and value of what was written behind these offsets."""
    for message in read_topic(settings, settings.windows_topic):
        if message.offset() >= begin[message.partition() or 0]:
            yield message.key(), message.value()


# ── what is recorded ──


def test_without_the_state_other_windows_would_close(state: State) -> None:
    settings = load_settings(**OVERRIDES).windows
    alone = {(w.block_id, w.part, len(w.texts)) for w in windows_of([raw for _, raw in state.lines("after")], settings)}
    wanted = {(block, part, lines) for block, part, *_, lines, _, _ in state.closed("closed_in_the_end")}
    hanging_on_it = {("blk_1", 2, 1), ("blk_5", 1, 3), ("blk_6", 1, 6), ("blk_9", 1, 3)}
    assert hanging_on_it <= wanted
    assert not hanging_on_it & alone


def test_the_recorded_states_have_all_kinds_of_records(state: State) -> None:
    keys = {key[:1] for _, key, value in state.changelog if value is not None}
    assert keys == {b"w", b"t", b"p", b"c", b"n"}
    assert any(value is None for *_, value in state.changelog)
    windows = state.windows()
    assert is_scored(windows[b"blk_9"])
    assert not is_scored(windows[b"blk_8"])
    assert len(windows) >= 4
    assert state.closed("closed")
    assert len(state.closed("closed_in_the_end")) > len(state.closed("closed"))


def test_the_last_line_of_unkeyed_input_lies_beside_its_offset_and_its_trace_goes_on_after_it(broker: str) -> None:
    [unkeyed] = [path for path in STATES if path.parent.name == "0.1.0" and path.stem == "unkeyed"]
    settings = new_settings(broker, create=False)
    notes = [json.loads(place.metadata) for place in State(unkeyed).committed(settings) if place.metadata]
    assert any("received exception" in note["head"][1] for note in notes)
    assert State(unkeyed).lines("after")[0][1].startswith(b"java.io.IOException")


def test_each_record_has_a_version_that_this_program_knows(state: State) -> None:
    assert {value[0] for *_, value in state.changelog if value is not None} <= {VERSION}


def test_there_are_states_of_this_release_or_one_before_it() -> None:
    assert {path.parent.name for path in STATES} >= {"0.1.0"}
    assert {path.stem for path in STATES} == {"keyed", "unkeyed"}


# ── what is not read ──


def of_version(value: bytes, number: int) -> bytes:
    return bytes((number,)) + value[1:]


@pytest.mark.parametrize("key", [b"wblk_8", b"t1", b"c", b"n"])
def test_a_record_of_a_newer_release_is_refused_in_one_line(broker: str, key: bytes) -> None:
    state = State(STATES[0])
    value = next(value for _, found, value in state.changelog if found == key and value is not None)
    settings = left_behind(broker, state, {key: of_version(value, VERSION + 1)})
    text = (
        rf"^{settings.windows_topic}, partition \d, offset \d+: record {key!r} cannot be read: it has version "
        rf"{VERSION + 1}, this program reads version {VERSION} \(a newer one wrote it: run that\); begin anew .*$"
    )
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker refuses")
    assert closed(settings) == []


def test_a_record_of_a_kind_that_a_newer_release_has_added_is_refused_in_one_line(broker: str) -> None:
    state = State(STATES[0])
    settings = left_behind(broker, state)
    producer = new_producer(settings)
    producer.produce(settings.windows_topic, sealed(b"{}"), b"z1", partition=1)
    assert producer.flush(60) == 0
    text = (
        rf"^{settings.windows_topic}, partition 1, offset \d+: record b'z1' cannot be read: it is of an unknown kind.*$"
    )
    with refused(StateError, text), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker refuses")
