"""What a window is, by examples: lines of a block in event time, seconds after the driver's start.

Unless an example says otherwise a window ends after 100 s of silence, at 10 lines or at an age of 1,000 s; lines may
come 20 s late; a block is quiet after 5 s.
"""

from dataclasses import asdict, replace

import pytest
from driver import Driver, epoch_ms, raw_line

from stream.settings import load_settings
from stream.windows.files import Counts, looked_at, windows_of
from stream.windows.segments import segments
from stream.windows.settings import WindowSettings
from stream.windows.source import RUN

WINDOWS = WindowSettings(quiet_after=5_000, close_after=100_000, lateness=20_000, max_lines=10, max_age=1_000_000)
HOUR = 3600
BEGUN = [raw_line(0, f"blk_{1000 + n}") for n in range(RUN)]
"""Lines enough for their time to be believed."""


def keyed(**changes: int) -> Driver:
    """A pipeline whose input is keyed by block, so that the lines themselves move the clock."""
    return Driver(load_settings(keyed_input=True, **(asdict(WINDOWS) | changes)), since=0)


def routed(sources: int = 1) -> Driver:
    """A pipeline with a route stage; the clock is that of its sources."""
    return Driver(load_settings(**asdict(WINDOWS)), sources=sources)


def lines(*seconds: int, block: str = "blk_1", text: str = "Receiving block") -> list[bytes]:
    return [raw_line(second, block, text) for second in seconds]


def spans(driver: Driver) -> list[tuple[str, int, int, str]]:
    """Block, part, number of lines and reason of the closed windows."""
    return [(e["block_id"], e["part"], e["lines"], e["reason"]) for e in driver.closed()]


# ── what ends a window ──


def test_a_gap_as_long_as_the_silence_joins_and_a_longer_one_parts() -> None:
    driver = keyed().run(*lines(0, 50, 150, 251)).pass_time(HOUR)
    assert spans(driver) == [("blk_1", 1, 3, "silence"), ("blk_1", 2, 1, "silence")]


def test_a_window_is_open_until_the_watermark_is_past_its_silence() -> None:
    driver = keyed().run(*lines(0), *lines(120, block="blk_2"))
    assert spans(driver) == []
    driver.run(*lines(121, block="blk_2"))
    assert spans(driver) == [("blk_1", 1, 1, "silence")]


def test_a_window_ends_at_its_greatest_age_though_lines_go_on() -> None:
    driver = keyed(max_age=200_000).run(*lines(0, 90, 180, 200, 201)).pass_time(HOUR)
    assert spans(driver) == [("blk_1", 1, 4, "max_age"), ("blk_1", 2, 1, "silence")]


def test_a_window_ends_at_its_greatest_number_of_lines() -> None:
    driver = keyed(max_lines=3).run(*lines(*range(7))).pass_time(HOUR)
    assert spans(driver) == [("blk_1", 1, 3, "max_lines"), ("blk_1", 2, 3, "max_lines"), ("blk_1", 3, 1, "silence")]


def test_a_full_window_waits_for_the_lateness_since_an_earlier_line_may_come() -> None:
    driver = keyed(max_lines=3).run(*lines(10, 12, 13, 11), *lines(32, block="blk_2"))
    assert spans(driver) == []
    driver.run(*lines(33, block="blk_2"))
    assert [(e["part"], e["last_time"][-3:]) for e in driver.closed()] == [(1, "30Z")]


def test_a_block_that_floods_is_cut_before_the_watermark_comes_so_that_memory_is_bounded() -> None:
    driver = keyed(max_lines=3).run(*lines(*[7] * 20))
    assert spans(driver) == [("blk_1", part, 3, "max_lines") for part in (1, 2, 3, 4, 5)]
    assert len(driver.changelog(0)[b"wblk_1"]) < 150


def test_at_the_end_of_a_file_every_window_is_closed() -> None:
    found = list(windows_of(lines(0, 50, 151, 160), replace(WINDOWS, max_lines=2)))
    assert [(w.part, w.times, str(w.reason)) for w in found] == [
        (1, (epoch_ms(0), epoch_ms(50)), "max_lines"),
        (2, (epoch_ms(151), epoch_ms(160)), "max_lines"),
    ]
    assert [str(w.reason) for w in windows_of(lines(0, 101, 150), WINDOWS)] == ["silence", "end of input"]


def test_the_bounds_of_a_window_are_exact_to_the_millisecond() -> None:
    bounds = WindowSettings(close_after=100, max_age=250)
    assert [segment[:2] for segment in segments([0, 100, 201], bounds)] == [(0, 2), (2, 3)]
    assert [segment[:2] for segment in segments([0, 90, 180, 250, 251], bounds)] == [(0, 4), (4, 5)]
    assert segments([], bounds) == []


# ── order ──


def test_lines_are_ordered_by_time_and_within_a_second_by_their_text() -> None:
    shuffled = [
        raw_line(5, "blk_1", "c"),
        raw_line(5, "blk_1", "a"),
        raw_line(4, "blk_1", "z"),
        raw_line(5, "blk_1", "b"),
    ]
    (window,) = windows_of(shuffled, WINDOWS)
    assert [text.split()[1] for text in window.texts] == ["z", "a", "b", "c"]
    assert window.times == (epoch_ms(4), *[epoch_ms(5)] * 3)
    assert window.offsets == (2, 1, 3, 0)
    assert window.texts == next(windows_of(sorted(shuffled), WINDOWS)).texts


def test_a_line_before_all_others_within_the_lateness_may_be_a_window_of_its_own() -> None:
    driver = keyed(close_after=10_000, quiet_after=2_000).run(*lines(115, 100, 120)).pass_time(HOUR)
    assert spans(driver) == [("blk_1", 1, 1, "silence"), ("blk_1", 2, 2, "silence")]


# ── lateness ──


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_a_line_that_comes_after_its_window_is_over_opens_the_next_whatever_the_batch(batch: int) -> None:
    driver = keyed().run(*lines(0), *lines(200, block="blk_2"), *lines(10), batch=batch)
    assert driver.task().store.late == 1
    assert spans(driver.pass_time(HOUR))[:2] == [("blk_1", 1, 1, "silence"), ("blk_1", 2, 1, "silence")]


@pytest.mark.parametrize("batch", [1, 100])
def test_a_late_line_joins_a_window_that_is_still_open(batch: int) -> None:
    driver = keyed().run(*lines(0, 60), *lines(100, block="blk_2"), *lines(10), batch=batch)
    assert driver.task().store.late == 1
    assert spans(driver.pass_time(HOUR))[0] == ("blk_1", 1, 3, "silence")


def test_a_late_line_does_not_join_a_window_that_ended_before_another_one_of_its_block() -> None:
    driver = keyed().run(*lines(0, 101), *lines(121, block="blk_2"), *lines(50)).pass_time(HOUR)
    assert spans(driver)[0] == ("blk_1", 1, 1, "silence")
    assert ("blk_1", 2, 2, "silence") in spans(driver)


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("seconds", [(0, 60, 95), (10, 0, 60, 95)])
def test_a_late_line_does_not_join_a_window_that_has_reached_its_age(seconds: tuple[int, ...], batch: int) -> None:
    driver = keyed(max_age=100_000).run(*lines(*seconds), *lines(121, block="blk_2"), *lines(99), batch=batch)
    assert spans(driver.pass_time(HOUR))[0] == ("blk_1", 1, len(seconds), "max_age")


# ── a block that comes back ──


def test_a_block_that_comes_back_goes_on_with_the_next_part() -> None:
    driver = keyed().run(*lines(0)).pass_time(HOUR).run(*lines(500)).pass_time(HOUR).run(*lines(1500)).pass_time(HOUR)
    assert [span[:2] for span in spans(driver)] == [("blk_1", 1), ("blk_1", 2), ("blk_1", 3)]


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize(("back", "part"), [(1100, 2), (1101, 1)])
def test_a_block_is_forgotten_after_the_greatest_age_and_silence_together(back: int, part: int, batch: int) -> None:
    driver = keyed().run(*lines(0), *lines(back, block="blk_2"), *lines(back), batch=batch).pass_time(HOUR)
    assert [span[1] for span in spans(driver) if span[0] == "blk_1"] == [1, part]


@pytest.mark.parametrize("batch", [1, 100])
def test_a_line_that_is_later_than_a_blocks_memory_begins_it_anew(batch: int) -> None:
    driver = keyed().run(*lines(0), *lines(1121, 1200, block="blk_2"), *lines(1000), batch=batch).pass_time(HOUR)
    assert [span[1] for span in spans(driver) if span[0] == "blk_1"] == [1, 1]


def test_a_block_is_remembered_from_the_last_line_of_its_last_part() -> None:
    driver = keyed().run(
        *lines(0), *lines(200, block="blk_2"), *lines(1000), *lines(1121, 2000, block="blk_2"), batch=1
    )
    driver.run(*lines(2000)).pass_time(HOUR)
    assert [span[1] for span in spans(driver) if span[0] == "blk_1"] == [1, 2, 3]


def test_what_is_remembered_of_closed_blocks_is_swept_out_by_the_logs_own_time() -> None:
    driver = keyed().run(*lines(0), *lines(0, block="blk_2")).pass_time(1000 * HOUR)
    parts = driver.task().store.parts
    assert len(parts) == 2
    driver.run(*lines(1120, block="blk_3"))
    assert len(parts) == 2
    driver.run(*lines(1121, block="blk_3"))
    assert len(parts) == 0
    assert not [key for key in driver.changelog(0) if key.startswith(b"p")]


def test_a_pause_of_days_does_not_make_a_block_new() -> None:
    driver = keyed().run(*lines(0)).pass_time(1000 * HOUR).run(*lines(500)).pass_time(HOUR)
    assert spans(driver) == [("blk_1", 1, 1, "silence"), ("blk_1", 2, 1, "silence")]
    assert driver.task().store.late == 0


# ── provisional scores ──


def test_a_quiet_block_is_scored_before_its_window_ends() -> None:
    driver = keyed().run(*lines(0, 1)).run(*lines(5, block="blk_2"))
    assert driver.events() == []
    driver.run(*lines(6, block="blk_2"))
    (event,) = driver.events()
    assert (event["block_id"], event["status"], event["reason"], event["lines"]) == ("blk_1", "open", "quiet", 2)


def test_a_quiet_block_without_new_lines_is_not_scored_again() -> None:
    driver = keyed().run(*lines(0, 1), *lines(*range(2, 90, 3), block="blk_2"), batch=1)
    assert [e["block_id"] for e in driver.events() if e["status"] == "open"] == ["blk_1"]


def test_revisions_count_the_events_of_a_part_and_end_with_the_closed_one() -> None:
    driver = keyed().run(*lines(0), *lines(10, block="blk_2"), *lines(20), *lines(30, block="blk_2"), batch=1)
    driver.pass_time(HOUR)
    revisions = [(e["revision"], e["status"]) for e in driver.events() if e["block_id"] == "blk_1"]
    assert revisions == [(1, "open"), (2, "open"), (3, "closed")]


@pytest.mark.parametrize("crash", [False, True])
def test_a_block_that_comes_back_before_its_window_is_closed_does_not_lose_the_revisions_of_it(crash: bool) -> None:
    driver = keyed().run(*lines(0), *lines(6, block="blk_2"), batch=1)
    driver.run(*lines(101), *lines(107, block="blk_2"), batch=1)  # quiet again, and the first window not yet over
    if crash:
        driver.crash()
    driver.run(*lines(130, block="blk_2"), batch=1).pass_time(HOUR)
    revisions = [(e["part"], e["revision"], e["status"]) for e in driver.events() if e["block_id"] == "blk_1"]
    assert revisions == [(1, 1, "open"), (1, 2, "closed"), (2, 1, "open"), (2, 2, "closed")]


def test_a_crash_does_not_lose_that_a_window_waits_for_its_provisional_score() -> None:
    driver = keyed().run(*lines(0))
    driver.crash()
    driver.run(*lines(5, block="blk_2"))
    assert [(e["block_id"], e["revision"]) for e in driver.events()] == [("blk_1", 1)]
    driver.crash()
    driver.run(*lines(50, block="blk_3"))
    assert [e["block_id"] for e in driver.events()] == ["blk_1", "blk_2"]


@pytest.mark.parametrize("batches", [[[0, 6, 200, 206]], [[0, 6, 200], [206]], [[0], [6], [200], [206]]])
def test_a_batch_may_hold_a_provisional_score_the_close_of_it_and_the_next_part(batches: list[list[int]]) -> None:
    driver = routed()
    for seconds in batches:
        for second in seconds:
            driver.send(raw_line(second, "blk_1" if second in (0, 200) else "blk_2"))
            driver.read(("hdfs.raw", 0))
            driver.commit()  # which sends a control record
        driver.settle()
    driver.pass_time(HOUR)
    revisions = [(e["part"], e["revision"], e["status"]) for e in driver.events() if e["block_id"] == "blk_1"]
    assert revisions == [(1, 1, "open"), (1, 2, "closed"), (2, 1, "open"), (2, 2, "closed")]


def test_a_full_window_that_waits_for_late_lines_has_its_provisional_score_alone() -> None:
    driver = keyed(max_lines=3).run(*lines(0, 1, 2, 3, 4), *lines(9, block="blk_2"))
    assert [(e["part"], e["lines"], e["status"]) for e in driver.events()] == [(1, 3, "open")]


def test_files_give_quiet_windows_too() -> None:
    found = list(looked_at([*BEGUN, *lines(0), *lines(6, block="blk_2"), *lines(7)], WINDOWS))
    assert [(w.block_id, len(w.texts), w.complete) for w in found if w.block_id in ("blk_1", "blk_2")] == [
        ("blk_1", 1, False),
        ("blk_1", 2, True),
        ("blk_2", 1, True),
    ]


# ── what else comes ──


def test_a_line_that_names_several_blocks_is_in_the_window_of_each() -> None:
    driver = routed().run(*lines(0), raw_line(1, "blk_1 blk_-2 blk_1", "ask to delete")).pass_time(HOUR)
    assert [span[:3] for span in sorted(spans(driver))] == [("blk_-2", 1, 1), ("blk_1", 1, 2)]


def test_lines_of_a_file_are_counted_by_what_happened_to_them() -> None:
    counts = Counts()
    late = [*lines(0, 100), *lines(50, block="blk_2")]
    bad = [b"blk_1 without a time", raw_line(0, "blk_1") + b"\xff", raw_line(0, "blk_1") + b" " * 70_000]
    found = list(windows_of([*BEGUN, *late, raw_line(100, "no block"), *bad], WINDOWS, counts=counts))
    assert sum(len(window.texts) for window in found) == RUN + 3
    assert (counts.lines, counts.no_block, counts.late, counts.jumps) == (RUN + 7, 1, 1, 0)
    assert counts.bad == {"timestamp": 1, "encoding": 1, "too_long": 1}
