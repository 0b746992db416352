"""What is bounded: open windows, windows judged in one commit, looks at all lines of a window. No bound on work changes
a window, and no speed changes which windows give way.
"""

from dataclasses import asdict
from itertools import accumulate
from zlib import crc32

import pytest
from driver import Driver, Fingerprint, epoch_ms, raw_line
from hypothesis import given, settings
from hypothesis import strategies as st
from test_any_speed import ACTIONS, Action, check_revisions

from stream.lines import LineReader
from stream.settings import load_settings
from stream.windows.oldest import Oldest
from stream.windows.settings import WindowSettings
from stream.windows.store import WindowStore
from stream.windows.task import SLICE, WindowTask
from stream.windows.window import Reason, Window

WINDOWS = WindowSettings(quiet_after=3_000, close_after=60_000, lateness=12_000, max_lines=4, max_age=100_000)
HOUR = 3600
Told = tuple[str, int, str, int, float]
"""Block, part, reason, lines and score of a closed window."""


def keyed(most_open: int, partitions: int = 1) -> Driver:
    wanted = asdict(WINDOWS) | {"max_open_windows": most_open}
    return Driver(load_settings(keyed_input=True, **wanted), since=0, partitions=partitions)


def spans(driver: Driver) -> list[tuple[str, int, str, int]]:
    return [(e["block_id"], e["part"], e["reason"], e["lines"]) for e in driver.closed()]


def told(driver: Driver) -> list[Told]:
    return sorted((e["block_id"], e["part"], e["reason"], e["lines"], e["score"]) for e in driver.closed())


# ── open windows ──


def test_beyond_the_limit_the_window_whose_newest_line_is_oldest_gives_way() -> None:
    driver = keyed(2).run(raw_line(0, "blk_1"), raw_line(1, "blk_2"), raw_line(2, "blk_1"), raw_line(3, "blk_3"))
    assert spans(driver) == [("blk_2", 1, "evicted", 1)]
    assert driver.task().store.evicted == 1
    driver.run(raw_line(4, "blk_2"))
    assert spans(driver)[1:] == [("blk_1", 1, "evicted", 2)]
    driver.pass_time(HOUR)
    assert sorted(spans(driver)[2:]) == [("blk_2", 2, "silence", 1), ("blk_3", 1, "silence", 1)]


def test_of_equally_old_windows_that_of_the_least_block_id_gives_way() -> None:
    driver = keyed(3).run(*(raw_line(0, f"blk_{n}") for n in (3, 1, 2, 4)))
    assert [span[0] for span in spans(driver)] == ["blk_1"]


def test_what_is_over_makes_room_before_anything_is_evicted() -> None:
    driver = keyed(2)
    driver.run(raw_line(0, "blk_1"), raw_line(70, "blk_2"), raw_line(80, "blk_2"), raw_line(80, "blk_3"))
    assert spans(driver) == [("blk_1", 1, "silence", 1)]
    assert driver.task().store.evicted == 0


def test_all_windows_in_the_lines_of_an_evicted_block_close_and_the_last_says_why() -> None:
    driver = keyed(1).run(*(raw_line(n, "blk_1") for n in range(5)), raw_line(5, "blk_2"))
    assert spans(driver) == [("blk_1", 1, "max_lines", 4), ("blk_1", 2, "evicted", 1)]


LINES = st.lists(
    st.builds(raw_line, st.integers(0, 160), st.sampled_from([f"blk_{n}" for n in range(6)]), st.sampled_from("abc")),
    min_size=1,
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(st.one_of(LINES, LINES.map(sorted)), st.integers(1, 4), ACTIONS)
def test_the_same_windows_give_way_whatever_the_batches_and_crashes(
    lines: list[bytes], most_open: int, actions: list[Action]
) -> None:
    steady, other = keyed(most_open), keyed(most_open)
    for driver in (steady, other):
        for line in lines:
            driver.send(line, key=line.split()[-1].decode())
    for action in actions:
        if action == "commit":
            other.commit()
        elif action == "crash":
            other.crash()
        else:
            other.read(other.places[0], action[1])
        assert len(other.task().store) <= most_open
    assert told(other.pass_time(HOUR)) == told(steady.pass_time(HOUR))
    assert sum(window[3] for window in told(other)) == len(lines)
    check_revisions(other)


def closed_of(lines: list[tuple[bytes, int]], most_open: int, rings: list[int]) -> tuple[int, list[Window]]:
    """How many windows give way, and all, where alarms ring behind a line for so many windows, and not for -1."""
    store = WindowStore(WindowSettings(1_000, 1_900, 700, 9, 2_000, max_open_windows=most_open))
    for offset, ((block, time), most) in enumerate(zip(lines, rings, strict=True)):
        store.add(block, time, "text", offset)
        store.progress = max(store.progress, time)
        if most >= 0:
            store.advance(store.progress, most)
            store.take_changes()
    store.finish()
    return store.evicted, sorted(due.window for due in store.take_due() if due.window.complete)


STEP = st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.sampled_from([-900, 1, 100, 450, 700, 1_300, 2_601]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(STEP, st.sampled_from([-1, -1, 0, 1, 99])), min_size=4, max_size=30), st.integers(1, 2))
def test_it_does_not_matter_when_alarms_ring(steps: list[tuple[tuple[bytes, int], int]], most_open: int) -> None:
    times = accumulate(step for (_, step), _ in steps)
    lines = [(block, time) for ((block, _), _), time in zip(steps, times, strict=True)]
    always = closed_of(lines, most_open, [99] * len(lines))
    assert closed_of(lines, most_open, [most for _, most in steps]) == always
    assert closed_of(lines, most_open, [-1] * len(lines)) == always
    assert sorted(offset for window in always[1] for offset in window.offsets) == list(range(len(lines)))


def test_the_heap_of_the_oldest_stays_as_small_as_the_windows() -> None:
    newest = {b"%d" % n: n for n in range(10)}
    oldest = Oldest(newest, newest.get)
    for n in range(10, 1_000):
        del newest[oldest.pop()]
        for block in newest:
            newest[block] += 5
        newest[b"%d" % n] = n
        oldest.push(n, b"%d" % n)
        assert len(oldest) <= 2 * len(newest) + 1


# ── windows judged at once ──


def flood(blocks: int, partitions: int = 1) -> Driver:
    """So many windows are over at once."""
    driver = keyed(1_000_000, partitions)
    for n in range(blocks):
        driver.send(raw_line(0, f"blk_{n}"), key=f"blk_{n}")
    for partition in range(partitions):
        block = next(f"blk_{n}" for n in range(10**6, 2 * 10**6) if crc32(b"blk_%d" % n) % partitions == partition)
        driver.send(raw_line(200, block), key=block)
    for place in driver.places:
        driver.read(place)
    return driver


@pytest.mark.parametrize("crashes", [False, True])
def test_a_commit_judges_a_slice_of_what_is_due_and_says_that_more_is_waiting(crashes: bool) -> None:
    driver = flood(3 * SLICE)
    for done in (1, 2, 3):
        driver.commit()
        driver.now += 0.7  # neither quick nor slow: see test_pace
        assert len(spans(driver)) == done * SLICE
        assert driver.waiting or done == 3
        if crashes:
            driver.crash()
    driver.commit()
    assert not driver.waiting
    assert sorted(spans(driver)) == sorted((f"blk_{n}", 1, "silence", 1) for n in range(3 * SLICE))


def test_partitions_take_turns() -> None:
    driver = flood(6 * SLICE, partitions=2)
    driver.commit()
    driver.commit()
    assert all(len(driver.task(number).store) < 3 * SLICE for number in range(2))


@settings(max_examples=100, deadline=None)
@given(LINES, st.integers(0, 2))
def test_windows_judged_one_by_one_are_the_same(lines: list[bytes], most: int) -> None:
    closed = []
    for bound in (None, most):
        task = WindowTask(WINDOWS, Fingerprint(), LineReader(), ("hdfs.raw", 0), own_clock=True)
        events = []
        for offset, line in enumerate(lines):
            task.line(line.split()[-1], line, offset)
            events += task.events(bound)
        events += task.finish()
        closed.append(
            sorted((e["block_id"], e["part"], e["lines"], e["score"]) for _, e, _ in events if e["status"] == "closed")
        )
    assert closed[0] == closed[1]


# ── looks at all lines of a window ──

LARGE = WindowSettings(max_lines=1_000)


def filled(seconds: list[int]) -> WindowStore:
    """A window of these lines, then one line after the other that is later than the lateness."""
    store = WindowStore(LARGE)
    for offset, second in enumerate(seconds):
        store.add(b"blk_1", epoch_ms(second), "text", offset)
    store.progress = epoch_ms(max(seconds))
    store.advance(store.progress)
    assert store.looks == 0
    return store


def many_late(store: WindowStore, seconds: list[int]) -> None:
    for offset, second in enumerate(seconds):
        store.add(b"blk_1", epoch_ms(second), "late", 10_000 + offset)
        store.advance(store.progress)


@pytest.mark.parametrize(
    "late",
    [list(range(-1_000, -2_900, -1)), list(range(-2_900, -1_000)), [-1_000] * 1_900],
    ids=["each before the last one", "each after it", "all at once"],
)
def test_many_late_lines_cost_few_looks(late: list[int]) -> None:
    store = filled([0] * 1_000)
    many_late(store, late)
    assert store.late == len(late)
    closed = [due.window for due in store.take_due() if due.window.complete]
    assert [window.reason for window in closed] == [Reason.MAX_LINES] * (len(closed))
    assert store.looks <= 12 * (len(closed) + 1)


def test_lines_of_a_year_ago_are_windows_of_their_own_without_a_look_at_the_others() -> None:
    store = filled([0] * 900)
    year = 365 * 24 * HOUR
    many_late(store, [-year + 60 * HOUR * n for n in range(100)])
    closed = [due.window for due in store.take_due() if due.window.complete]
    assert [(window.part, len(window.texts), window.reason) for window in closed] == [
        (part, 1, Reason.SILENCE) for part in range(1, 101)
    ]
    assert store.looks == 0
    store.finish()
    (last,) = store.take_due()
    assert (last.window.part, len(last.window.texts)) == (101, 900)
