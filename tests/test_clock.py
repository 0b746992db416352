"""How event time goes on: by the lines, by what the sources report, and by the wall clock where nothing comes."""

from dataclasses import asdict

import pytest
from driver import Driver, raw_line

from stream.settings import load_settings
from stream.windows.clock import EventClock
from stream.windows.settings import WindowSettings

HOUR = 3600
WINDOWS = WindowSettings(close_after=100_000, lateness=20_000, quiet_after=5_000)


def keyed() -> Driver:
    return Driver(load_settings(keyed_input=True, **asdict(WINDOWS)), since=0)


def routed(sources: int = 1) -> Driver:
    return Driver(load_settings(**asdict(WINDOWS)), sources=sources)


def lines(*seconds: int, block: str = "blk_1") -> list[bytes]:
    return [raw_line(second, block) for second in seconds]


def closed(driver: Driver) -> list[tuple[str, int]]:
    return [(event["block_id"], event["lines"]) for event in driver.closed()]


JUMP = 100


def reported(*reports: tuple[int, ...], sources: int = 3) -> EventClock:
    """A clock of so many sources that was told source, time, whether it is at its end, and the offset if there is one;
    or, by a witness, source and end.
    """
    clock = EventClock(JUMP)
    for report in reports:
        if len(report) == 2:
            clock.witness(sources, [(report[0], report[1])])
        else:
            source, time, at_end, *offset = report
            clock.report(source, sources, time, bool(at_end), *offset)
    return clock


# ── the clock alone ──


def test_nothing_is_known_before_every_source_has_reported() -> None:
    assert reported((0, 50, False), (1, 70, True)).progress == 0
    assert reported((0, 50, False), (1, 70, False), (2, 60, False)).progress == 50


def test_a_source_at_its_end_does_not_count_while_others_have_more() -> None:
    assert reported((0, 10, True), (1, 70, False), (2, 60, False)).progress == 60
    assert reported((0, 10, True), (1, 70, True), (2, 60, True)).progress == 70


def test_a_source_of_which_no_time_is_known_holds_the_others_unless_it_is_at_its_end() -> None:
    assert reported((0, 0, False), (1, 70, False), (2, 60, True)).progress == 0
    assert reported((0, 0, True), (1, 70, False), (2, 60, True)).progress == 70


def test_a_source_that_wakes_up_behind_the_others_does_not_turn_the_clock_back() -> None:
    clock = reported((0, 10, True), (1, 70, False), (2, 60, False), (0, 20, False))
    assert clock.progress == 60
    clock.report(0, 3, 65, False)
    assert clock.progress == 60
    clock.report(2, 3, 90, False)
    assert clock.progress == 65


def test_a_source_with_nothing_new_keeps_the_time_that_it_had() -> None:
    clock = reported((0, 90, False), (1, 50, False), (2, 60, False), (0, 0, True), (1, 50, True), (2, 60, True))
    assert clock.progress == 90


def test_idle_time_adds_to_progress_for_the_moment_alone() -> None:
    clock = reported((0, 50, True), (1, 70, True), (2, 60, True))
    assert (clock.idle(100), clock.progress) == (170, 70)
    assert reported((0, 50, True), (1, 70, False), (2, 60, True)).idle(100) == 70
    assert EventClock(JUMP).idle(100) == 0


# ── a source that is far ahead of the others ──


def test_a_source_far_ahead_is_followed_once_more_than_half_of_those_that_ever_sent_are_there() -> None:
    near = [(0, 50, True), (1, 60, True), (2, 55, True)]
    assert reported(*near, (0, 5000, False)).progress == 60
    assert reported(*near, (0, 5000, False), (1, 5010, False)).progress == 5000
    assert reported((0, 50, True), (1, 60, True), (2, 0, True), (0, 5000, True)).progress == 60
    assert reported((0, 50, True), (1, 0, True), (2, 0, True), (0, 5000, True)).progress == 5000


def test_at_the_end_of_all_it_climbs_from_source_to_source_through_gaps_that_may_be() -> None:
    near = [(0, 50, True), (1, 60, True), (2, 55, True)]
    assert reported(*near, (1, 150, True), (0, 240, True)).progress == 240
    assert reported(*near, (0, 9000, True), (1, 150, True)).progress == 150


def test_it_begins_at_the_least_and_not_with_a_clock_that_is_ahead() -> None:
    assert reported((0, 50, True), (1, 5000, False), (2, 60, True)).progress == 60
    assert reported((0, 50, True), (1, 5000, False), (2, 5010, True)).progress == 5000


# ── a source that is at its end, and a witness who knows better ──


def test_a_source_is_not_at_its_end_if_a_witness_has_seen_lines_behind_its_owners_position() -> None:
    told = [(0, 10, True, 5), (1, 70, False, 9), (2, 60, False, 9)]
    assert reported(*told, (2, 65, False, 10)).progress == 65
    clock = reported(*told, (0, 6), (2, 65, False, 10))
    assert (clock.progress, clock.resting) == (60, False)
    clock.report(0, 3, 68, True, 6)
    assert clock.progress == 65


@pytest.mark.parametrize("seen", [4, 5, 6])
def test_the_order_of_owner_and_witness_does_not_matter(seen: int) -> None:
    told = [(1, 70, True, 9), (2, 60, True, 9), (0, 10, False, 3)]
    first, last = reported(*told, (0, seen), (0, 20, True, 5)), reported(*told, (0, 20, True, 5), (0, seen))
    assert first.resting == last.resting == (seen <= 5)


def test_an_older_sight_does_not_undo_a_later_one() -> None:
    assert not reported((0, 10, True, 5), (0, 9), (0, 4), sources=1).resting


def test_a_report_without_an_offset_is_believed() -> None:
    assert reported((0, 10, True), (0, 9), sources=1).resting


def test_a_source_whose_offsets_were_set_back_waits_for_no_offset_that_never_comes() -> None:
    assert reported((0, 10, True, 5), (0, 1000), (0, 10, False, 0), (0, 20, True, 3), sources=1).resting


def test_a_source_of_which_only_a_witness_has_told_holds_the_others() -> None:
    assert reported((1, 70, False), (2, 60, False), (0, 9)).progress == 0


# ── back from its snapshot ──


def test_a_clock_goes_on_from_its_snapshot() -> None:
    clock, other = reported((0, 50, True, 4), (0, 6), (1, 70, False, 3), (2, 60, False, 3)), EventClock(JUMP)
    other.restore(clock.snapshot())
    assert other.snapshot() == clock.snapshot()
    for each in (clock, other):
        each.report(1, 3, 99, True, 5)
        each.report(2, 3, 80, False, 5)
    assert clock.progress == other.progress == 50


def test_a_snapshot_of_the_form_without_offsets_is_taken() -> None:
    clock = EventClock(JUMP)
    clock.restore({"progress": 60, "sources": [[0, 50, True], [1, 70, True]]})
    assert (clock.progress, clock.resting) == (60, True)


@pytest.mark.parametrize(
    "snapshot",
    [
        *(None, [], {}, {"progress": 1}, {"progress": "1", "sources": []}, {"progress": 1, "sources": [3]}),
        *({"progress": 1, "sources": [[0, 1]]}, {"progress": 1, "sources": [[0, "1", True]]}),
        {"progress": 1, "sources": [[0, 1, True, 3]]},
    ],
)
def test_what_is_no_snapshot_is_refused(snapshot: object) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        EventClock(JUMP).restore(snapshot)


# ── and in the pipeline ──


def test_the_slowest_source_holds_the_clock_unless_it_is_at_its_end() -> None:
    driver = routed(sources=2)
    driver.send(*lines(0), *lines(500, block="blk_2"), partition=0)
    driver.send(*lines(10, 20, 30), partition=1)
    driver.read(("hdfs.raw", 0))
    driver.read(("hdfs.raw", 1), 2)  # one line is still waiting: this source stands at 20 s
    driver.commit()
    driver.read(("hdfs.lines", 0))
    driver.commit()
    assert closed(driver) == []
    driver.settle()
    assert closed(driver) == [("blk_1", 4)]


def test_on_an_idle_partition_time_goes_on_with_the_wall_clock() -> None:
    for driver in (keyed(), routed(), routed(sources=3)):
        driver.run(*lines(0)).pass_time(119)
        assert closed(driver) == []
        assert [e["status"] for e in driver.events()] == ["open"]
        assert closed(driver.pass_time(3)) == [("blk_1", 1)]


def test_idle_time_does_not_count_while_a_source_has_more() -> None:
    driver = routed(sources=2)
    driver.send(*lines(0), partition=0)
    driver.send(*lines(0, 1), partition=1)
    driver.read(("hdfs.raw", 0))
    driver.read(("hdfs.raw", 1), 1)
    driver.commit()
    driver.read(("hdfs.lines", 0))
    driver.now += HOUR
    driver.read(("hdfs.lines", 0))
    driver.commit()
    assert driver.events() == []
