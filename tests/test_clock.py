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
    return Driver(load_settings(keyed_input=True, **asdict(WINDOWS)))


def routed(sources: int = 1) -> Driver:
    return Driver(load_settings(**asdict(WINDOWS)), sources=sources)


def lines(*seconds: int, block: str = "blk_1") -> list[bytes]:
    return [raw_line(second, block) for second in seconds]


def closed(driver: Driver) -> list[tuple[str, int]]:
    return [(event["block_id"], event["lines"]) for event in driver.closed()]


def reported(*reports: tuple[int, int, bool]) -> EventClock:
    """A clock of three sources that was told source, time and whether it is at its end."""
    clock = EventClock()
    for source, time, at_end in reports:
        clock.report(source, 3, time, at_end)
    return clock


# ── the clock alone ──


def test_a_line_moves_its_own_clock_forward_and_never_back() -> None:
    clock = EventClock()
    for time in (5, 9, 7):
        clock.observe(time)
    assert clock.progress == 9


def test_nothing_is_known_before_every_source_has_reported() -> None:
    assert reported((0, 50, False), (1, 70, True)).progress == 0
    assert reported((0, 50, False), (1, 70, False), (2, 60, False)).progress == 50


def test_a_source_at_its_end_does_not_count_while_others_have_more() -> None:
    assert reported((0, 10, True), (1, 70, False), (2, 60, False)).progress == 60
    assert reported((0, 10, True), (1, 70, True), (2, 60, True)).progress == 70


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
    assert EventClock().idle(100) == 0


def test_a_clock_goes_on_from_its_snapshot() -> None:
    clock, other = reported((0, 50, True), (1, 70, False), (2, 60, False)), EventClock()
    other.restore(clock.snapshot())
    assert other.snapshot() == clock.snapshot()
    for each in (clock, other):
        each.report(1, 3, 99, True)
        each.report(2, 3, 80, False)
    assert clock.progress == other.progress == 80


@pytest.mark.parametrize(
    "snapshot",
    [
        *(None, [], {}, {"progress": 1}, {"progress": "1", "sources": []}, {"progress": 1, "sources": [3]}),
        *({"progress": 1, "sources": [[0, 1]]}, {"progress": 1, "sources": [[0, "1", True]]}),
    ],
)
def test_what_is_no_snapshot_is_refused(snapshot: object) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        EventClock().restore(snapshot)


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
