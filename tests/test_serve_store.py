"""What the server remembers: newest events and alarms in bounded memory, and from where on it can go on."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from serving import alarm, healthy

from stream.serve.event_routes import follow
from stream.serve.events import component_of, read_event
from stream.serve.filters import Filter
from stream.serve.page.rows import alarm_rows
from stream.serve.page.words import of_day
from stream.serve.position import decode, encode
from stream.serve.store import Store
from stream.serve.timeline import Timeline
from stream.show import BadEvent


class Feed:
    """Writes events into a store one after the other, a second apart, as the topic has them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ends: dict[int, int] = {}
        self.now = 1_000_000

    def __call__(self, *events: dict[str, Any], partition: int = 0) -> "Feed":
        for event in events:
            offset = self.ends.get(partition, 0)
            self.ends[partition] = offset + 1
            self.now += 1000
            self.store.add(partition, offset, self.now, orjson.dumps(event), event)
        return self


def blocks(entries: Any) -> list[str]:
    return [entry.event["block_id"] for entry in entries]


def test_alarms_are_windows_that_are_anomalous_by_their_newest_event_newest_first() -> None:
    store = Store()
    Feed(store)(alarm("blk_1"), healthy("blk_2"), alarm("blk_3"), alarm("blk_4"), healthy("blk_3"), alarm("blk_1"))
    assert blocks(store.alarms()) == ["blk_1", "blk_4"]


def test_parts_of_a_block_are_windows_of_their_own() -> None:
    store = Store()
    Feed(store)(alarm("blk_1"), healthy("blk_1", part=2))
    assert [(e.event["part"], e.event["anomalous"]) for e in store.block("blk_1")] == [(1, True), (2, False)]
    assert blocks(store.alarms()) == ["blk_1"]


def test_an_alarm_is_as_old_as_its_first_event_since_it_was_none() -> None:
    store = Store()
    feed = Feed(store)(healthy("blk_1"), alarm("blk_1"), alarm("blk_1"))
    [entry] = store.alarms()
    assert (entry.first_published, entry.alarmed, entry.published) == (1_001_000, 1_002_000, 1_003_000)
    feed(healthy("blk_1"), alarm("blk_1"))
    assert [entry.alarmed for entry in store.alarms()] == [1_005_000]


def test_the_newest_events_are_kept_and_alarms_for_longer() -> None:
    store = Store(events=3, alarms=2)
    feed = Feed(store)(alarm("blk_1"), *(healthy(f"blk_{n}") for n in range(2, 7)))
    assert blocks(store) == ["blk_4", "blk_5", "blk_6"]
    assert blocks(store.alarms()) == ["blk_1"]
    assert (blocks(store.block("blk_1")), blocks(store.block("blk_2"))) == (["blk_1"], [])
    feed(alarm("blk_7"), alarm("blk_8"))
    assert blocks(store.alarms()) == ["blk_8", "blk_7"]
    assert store.block("blk_1") == []


def test_bytes_bound_it_too_and_all_of_them_are_given_back() -> None:
    store = Store(events=10_000, alarms=10_000, most_bytes=100_000)
    feed = Feed(store)
    for n in range(3_000):
        feed(alarm(f"blk_{n % 700}") if n % 3 else healthy(f"blk_{n % 700}", reason="x" * (n % 500)))
        assert store.bytes <= 100_000
    held = {entry.number: entry.size for entry in (*store, *store.alarms())}
    assert store.bytes == sum(held.values())
    assert len(store) > 5


def test_what_was_taken_is_not_taken_again() -> None:
    store = Store()
    for _ in range(2):
        Feed(store)(alarm("blk_1"), alarm("blk_2"))
    assert blocks(store) == ["blk_1", "blk_2"]
    assert store.position == {0: 2}


def test_a_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    store = Store()
    Feed(store)(alarm("blk_1"), alarm("blk_2"))
    store.begin({0: 0})
    Feed(store)(alarm("blk_3"))
    assert blocks(store) == ["blk_1", "blk_2", "blk_3"]


def of_stream(text: bytes) -> tuple[str, Any]:
    kind, data = (line.partition(": ")[2] for line in text.decode().splitlines()[1:3])
    return kind, orjson.loads(data).get("block_id")


async def streamed(store: Store, position: dict[int, int] | None, meanwhile: Callable[[], object]) -> list[Any]:
    """What a stream says until it waits; something happens once it follows."""
    found, ends = [], iter([False, True])
    async for text in follow(store, Filter(), position, lambda: next(ends)):
        if text.startswith(b": following"):
            meanwhile()
        else:
            found.append(of_stream(text))
    return found


def test_streams_go_on_where_the_topic_is_made_anew() -> None:
    store = Store()
    feed = Feed(store)(*(healthy(f"blk_{n}") for n in range(5)))

    def anew() -> None:
        store.begin({0: 0})
        feed.ends = {}
        feed(healthy("blk_new"))

    assert asyncio.run(streamed(store, {0: 5}, anew)) == [("gap", None), ("window", "blk_new")]
    assert asyncio.run(streamed(store, {0: 5}, lambda: None)) == [("gap", None), ("window", "blk_new")]
    assert asyncio.run(streamed(store, None, lambda: feed(healthy("blk_6")))) == [("window", "blk_6")]


@pytest.mark.parametrize(("said", "taken"), [(-1, 0), (2**63 - 1, 253_402_300_799_999)])
def test_a_message_may_say_any_time_and_is_shown_all_the_same(said: int, taken: int) -> None:
    store, event = Store(), alarm("blk_1")
    store.add(0, 0, said, orjson.dumps(event), event)
    store.add_alarm(said, b"", alarm("blk_2"))
    assert [row["block"] for row in alarm_rows(store.alarms())] == ["blk_1", "blk_2"]
    assert [(e.published, of_day(e.began)) for e in store.alarms()] == [(taken, of_day(taken))] * 2


def test_older_alarms_lie_behind_the_newer_ones_and_change_nothing_that_is_known() -> None:
    store = Store()
    Feed(store)(alarm("blk_5"), healthy("blk_6"))
    for block in ("blk_6", "blk_4", "blk_3"):
        store.add_alarm(500, b"", alarm(block))
    assert blocks(store.alarms()) == ["blk_5", "blk_4", "blk_3"]


def test_a_reader_gets_what_is_behind_its_place_and_knows_if_it_lost_it() -> None:
    store = Store(events=3)
    feed = Feed(store)(healthy("blk_1"))
    number, position = store.place
    assert (number, position) == (1, {0: 1})
    assert store.after(number) == ([], False)
    feed(healthy("blk_2"), healthy("blk_3"))
    entries, lost = store.after(number, 1)
    assert (blocks(entries), lost) == (["blk_2"], False)
    feed(healthy("blk_4"), healthy("blk_5"))
    assert store.after(number)[1] is True


def test_it_knows_whether_events_behind_a_position_are_forgotten() -> None:
    store = Store(events=3)
    store.begin({0: 0, 1: 40})
    Feed(store)(*(healthy(f"blk_{n}") for n in range(5)))
    assert not store.missing({0: 2, 1: 40})
    assert store.missing({0: 1})
    assert store.missing({1: 39})
    assert not store.missing({})


def test_neighbours_are_the_alarms_that_are_nearest_in_time() -> None:
    store = Store()
    times = {"blk_1": "20:00:00", "blk_2": "20:50:00", "blk_3": "20:10:00", "blk_4": "20:12:00"}
    Feed(store)(*(alarm(block, last_time=f"2008-11-09T{time}Z") for block, time in times.items()))
    [entry] = store.block("blk_3")
    assert blocks(store.neighbours(entry, 2)) == ["blk_1", "blk_4"]


def test_a_timeline_has_the_highest_healthy_score_and_counts_of_each_bin() -> None:
    store = Store()
    Feed(store)(healthy("blk_1", score=1.0), healthy("blk_2", score=2.0), alarm("blk_3", score=9.0))
    [(begin, found)] = store.by_arrival.between(0, sys.maxsize)
    assert (begin, found.windows, found.anomalous, found.top) == (1_000_000, 3, 1, 2.0)


def test_a_timeline_is_bounded_by_its_oldest_bins() -> None:
    timeline, store = Timeline(10, 3), Store()
    Feed(store)(healthy("blk_1"))
    for moment in (50, 10, 30, 20, 45):
        timeline.take(moment, next(iter(store)))
    assert [begin for begin, _ in timeline.between(0, 100)] == [30, 40, 50]


def test_filters_combine() -> None:
    store = Store()
    Feed(store)(alarm("blk_12"), alarm("blk_2", severity="notice"), alarm("blk_22", last_time="2008-11-10T00:00:00Z"))
    assert blocks(store.alarms(Filter(severity="warning", block="2"))) == ["blk_22", "blk_12"]
    assert blocks(store.alarms(Filter(severity="warning", block="2", since=1_226_275_200_000))) == ["blk_22"]
    assert blocks(store.alarms(Filter(alarmed=1_002_000))) == ["blk_22", "blk_2"]


@pytest.mark.parametrize("position", [{}, {0: 5}, {2: 7}, {0: 0, 1: 12, 5: 2**63 - 1}])
def test_a_position_is_a_text_and_back(position: dict[int, int]) -> None:
    assert decode(encode(position)) == position


@pytest.mark.parametrize("text", ["a", "1,2", "-1", "١", "9223372036854775808", "1." * 10_001])
def test_other_texts_are_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="offset"):
        decode(text)


@pytest.mark.parametrize(
    "changed",
    [
        {"anomalous": 1},
        {"revision": "2"},
        {"last_time": "yesterday"},
        {"first_time": None},
        {"block_id": ""},
        {"block_id": "x" * 257},
        {"checkpoint": None},
        {"evidence": [{"text": "a", "time": "2008-11-09T20:41:02Z", "surprise": 1, "expected": [1], "source": []}]},
        {"evidence": [{"text": "a", "surprise": 1, "expected": []}]},
        {"evidence": [{"text": "a" * 1025, "time": "2008-11-09T20:41:02Z", "surprise": 1, "expected": []}]},
        {"part": 0},
        {"part": 10**9},
        {"first_time": "0001-01-01T00:00:00+14:00"},
        {"last_time": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_what_is_no_event_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        read_event(orjson.dumps(alarm("blk_1", **changed)))


def test_a_component_is_what_a_line_names_before_its_message() -> None:
    assert component_of("WARN dfs.FSDataset: Unexpected") == "dfs.FSDataset"
    assert component_of("no component") == ""
