"""One bad clock closes no window: lines that are a year ahead or behind, at any place, from every kind of input; and an
honest gap of days is followed all the same.
"""

from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter

import pytest
from driver import Driver, Fingerprint, epoch_ms, raw_line

from stream.lines import LineReader
from stream.settings import Settings, load_settings
from stream.windows.files import windows_of
from stream.windows.settings import WindowSettings
from stream.windows.source import RUN, SourceClock
from stream.windows.task import WindowTask

DAY, YEAR = 86_400, 365 * 86_400
WINDOWS = WindowSettings(quiet_after=5_000, close_after=100_000, lateness=20_000)
KEYED = load_settings(keyed_input=True, **asdict(WINDOWS))
ROUTED = load_settings(**asdict(WINDOWS))
Closed = tuple[str, int, int]
"""Block, part, lines."""


def honest(lines: int, since: int = 0) -> list[bytes]:
    """A line a second, each block with ten of them in a row."""
    return [raw_line(since + n, f"blk_{since + n // 10}") for n in range(lines)]


def ahead(second: int) -> bytes:
    return raw_line(second + YEAR, "blk_-1", "of a host with a bad clock")


def closed(driver: Driver) -> list[Closed]:
    """The closed windows of honest blocks, in the order in which they closed."""
    events = map(itemgetter("block_id", "part", "lines"), driver.closed())
    return [event for event in events if event[0] != "blk_-1"]


def of_file(lines: list[bytes]) -> list[Closed]:
    found = [(window.block_id, window.part, len(window.texts)) for window in windows_of(lines, WINDOWS)]
    return [window for window in found if window[0] != "blk_-1"]


def replayed(settings: Settings, lines: list[bytes]) -> list[Closed]:
    """What a daemon closes that reads these lines, a few at a time."""
    return closed(Driver(settings).run(*lines, batch=7).pass_time(3600))


def keyed(lines: list[bytes]) -> list[Closed]:
    return replayed(KEYED, lines)


def routed(lines: list[bytes]) -> list[Closed]:
    return replayed(ROUTED, lines)


# ── the clock of a source alone ──


def clock_of(*times: int, jump: int = 100, settled: bool = True) -> SourceClock:
    clock = SourceClock(jump)
    for time in times:
        clock.observe(time)
    if settled:
        clock.settle()
    return clock


def known(time: int = 1000) -> SourceClock:
    return clock_of(time)


def test_a_line_moves_the_clock_forward_and_never_back() -> None:
    assert clock_of(*[5] * RUN, 9, 7, 109, 50).progress == 109


def test_one_further_ahead_is_not_followed_and_is_counted_once_it_is_given_up() -> None:
    clock = clock_of(*[5] * RUN, 106)
    assert (clock.progress, clock.jumps) == (5, 0)
    clock.observe(6)
    assert (clock.progress, clock.jumps) == (6, 1)


def test_so_many_in_a_row_are_followed_and_one_fewer_are_not() -> None:
    clock = known()
    for _ in range(RUN - 1):
        clock.observe(5000)
    assert clock.progress == 1000
    clock.observe(5003)
    assert (clock.progress, clock.jumps) == (5003, 0)


@pytest.mark.parametrize(("between", "progress"), [(1100, 1100), (950, 1000), (900, 1000), (899, 5000)])
def test_a_line_near_the_clock_ends_the_run_and_one_far_behind_does_not(between: int, progress: int) -> None:
    clock = known()
    for n in range(RUN + 1):
        clock.observe(between if n == 7 else 5000)
    assert clock.progress == progress


def test_of_a_run_the_largest_group_is_believed_whatever_else_is_in_it() -> None:
    clock = known()
    for n in range(RUN):
        clock.observe({3: 2000, 90: 999_000, 91: 999_010}.get(n, 5000 + 90 * (n % 9)))
    assert (clock.progress, clock.jumps) == (5720, 2)


def test_two_groups_are_one_as_soon_as_a_line_lies_between_them() -> None:
    assert clock_of(1000, 1000, 1150, 1300, 1300).progress == 1000
    assert clock_of(1000, 1000, 1150, 1300, 1300, 1075, 1225).progress == 1300


def test_the_end_of_a_source_settles_what_is_not_known_and_nothing_else() -> None:
    assert clock_of(5, 7, 6, settled=False).progress == 0
    assert clock_of(5, 7, 6).progress == 7
    assert clock_of().progress == 0
    clock = known()
    clock.observe(5000)
    clock.settle()
    assert clock.progress == 1000


def test_a_bad_first_line_does_not_begin_a_clock() -> None:
    assert clock_of(999_999, 5, 7).progress == 7
    assert clock_of(1, 500, 507).progress == 507


def test_a_clock_goes_on_in_the_midst_of_a_run() -> None:
    clock, other = known(), SourceClock(100)
    for _ in range(RUN - 1):
        clock.observe(5000)
    other.restore(clock.snapshot())
    assert other.snapshot() == clock.snapshot()
    for each in (clock, other):
        each.observe(5001)
        assert each.progress == 5001
    other.restore({"progress": 7, "sources": []})
    assert other.snapshot() == {"progress": 7, "run": []}


@pytest.mark.parametrize(
    "snapshot", [None, 7, {}, {"progress": 7}, {"progress": 7, "run": [[1, 2]]}, {"progress": None, "run": []}]
)
def test_what_is_no_snapshot_of_a_source_is_refused(snapshot: object) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        SourceClock(100).restore(snapshot)


# ── a line a year ahead among good ones ──


@pytest.mark.parametrize("read", [of_file, keyed, routed])
@pytest.mark.parametrize("at", [0, 100, 299, 450, 600])
def test_a_line_a_year_ahead_closes_nothing_wherever_it_stands(
    read: Callable[[list[bytes]], list[Closed]], at: int
) -> None:
    lines = honest(600)
    assert read([*lines[:at], ahead(at), *lines[at:]]) == read(lines)
    assert len(read(lines)) == 60


@pytest.mark.parametrize("settings", [KEYED, ROUTED])
@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_a_host_that_is_a_year_ahead_with_every_third_line_closes_nothing(settings: Settings, batch: int) -> None:
    lines = honest(600)
    mixed = [line for n, line in enumerate(lines) for line in ([line, ahead(n)] if n % 2 else [line])]
    driver = Driver(settings).run(*mixed, batch=batch)
    assert closed(driver) == closed(Driver(settings).run(*lines, batch=batch))
    assert of_file(mixed) == of_file(lines)
    stage = driver._routers[0].stage if driver._routers else driver._score
    assert stage.jumps > 100


@pytest.mark.parametrize("settings", [KEYED, ROUTED])
def test_a_host_that_is_a_year_behind_from_the_first_line_on_stops_no_clock(settings: Settings) -> None:
    lines = honest(600)
    behind = raw_line(-YEAR, "blk_-1")
    mixed = [line for n, line in enumerate(lines) for line in ([behind, line] if n % 2 == 0 else [line])]
    assert closed(Driver(settings).run(*mixed)) == closed(Driver(settings).run(*lines))
    assert len(closed(Driver(settings).run(*mixed))) > 40


@pytest.mark.parametrize("batch", [1, 50, 1000])
def test_a_partition_of_nothing_but_such_a_host_closes_nothing(batch: int) -> None:
    with_it, without = Driver(ROUTED, sources=4), Driver(ROUTED, sources=3)
    for n, line in enumerate(honest(900)):
        with_it.send(line, partition=n % 3)
        without.send(line, partition=n % 3)
        with_it.send(ahead(n), partition=3)
    assert closed(with_it.settle(batch)) == closed(without.settle(batch))
    with_it.send(*honest(300, since=1000), partition=0)
    without.send(*honest(300, since=1000), partition=0)
    assert closed(with_it.settle(batch).pass_time(3)) == closed(without.settle(batch).pass_time(3))
    assert len(closed(without)) > 100


def test_a_keyed_partition_that_is_at_its_end_for_a_moment_is_not_settled() -> None:
    driver = Driver(KEYED).run(*honest(20)).pass_time(1.9)
    assert driver.task().clock.progress == 0
    driver.pass_time(0.2)
    assert driver.task().clock.progress == epoch_ms(19)


def test_at_its_end_a_short_file_has_a_time_too_so_that_silence_is_told_from_the_end() -> None:
    lines = [raw_line(0, "blk_1"), raw_line(121, "blk_2")]
    assert [str(window.reason) for window in windows_of(lines, WINDOWS)] == ["silence", "end of input"]


def test_a_line_that_names_many_blocks_is_one_line_to_the_clock() -> None:
    task = WindowTask(WINDOWS, Fingerprint(), LineReader(), ("log", 0), own_clock=True)
    for number in range(RUN - 1):
        for block in (b"blk_1", b"blk_2"):
            task.line(block, raw_line(0, "blk_1 blk_2"), number, more=block == b"blk_1")
    assert task.clock.progress == 0
    task.line(b"blk_1", raw_line(0, "blk_1"), RUN)
    assert task.clock.progress == epoch_ms(0)


# ── an honest gap ──


@pytest.mark.parametrize("settings", [KEYED, ROUTED])
@pytest.mark.parametrize("crash", [False, True])
def test_a_gap_of_three_days_is_followed_after_a_run_also_over_a_restart(settings: Settings, crash: bool) -> None:
    driver = Driver(settings).run(*honest(300))
    before = driver.task().clock.progress
    gap = honest(RUN, since=3 * DAY)
    driver.run(*gap[:200])
    if crash:
        driver.crash()
    driver.run(*gap[200:-1])
    assert driver.task().clock.progress == before == epoch_ms(299)
    driver.run(gap[-1])
    assert driver.task().clock.progress == epoch_ms(3 * DAY + RUN - 1)
    assert closed(driver)[:30] == [(f"blk_{n}", 1, 10) for n in range(30)]


def test_a_few_sources_go_over_a_gap_together() -> None:
    driver = Driver(ROUTED, sources=3).run(*honest(900)).run(*honest(3 * RUN, since=3 * DAY))
    assert driver.task().clock.progress == epoch_ms(3 * DAY + 3 * RUN - 1)


@pytest.mark.parametrize("settings", [KEYED, ROUTED])
def test_after_a_gap_a_few_lines_have_their_alarm_once_they_are_quiet_by_the_wall_clock(settings: Settings) -> None:
    driver = Driver(settings).run(*honest(300)).pass_time(3600)
    driver.run(*[raw_line(3 * DAY, "blk_9000", "an exception about block")] * 20)
    driver.pass_time(4)
    assert not [event for event in driver.events() if event["block_id"] == "blk_9000"]
    driver.pass_time(2)
    [event] = [event for event in driver.events() if event["block_id"] == "blk_9000"]
    assert (event["status"], event["anomalous"], event["lines"]) == ("open", True, 20)
    driver.pass_time(60).run(*[raw_line(3 * DAY + 90, "blk_9000")]).pass_time(6)
    assert [e["lines"] for e in driver.events() if e["block_id"] == "blk_9000" and e["status"] == "open"] == [20, 21]


@pytest.mark.parametrize("settings", [KEYED, ROUTED])
def test_a_new_log_of_a_few_lines_has_its_alarms_and_its_windows(settings: Settings) -> None:
    driver = Driver(settings).run(ahead(0), *honest(20))
    driver.crash()
    assert closed(driver.pass_time(3)) == []
    assert [event["block_id"] for event in driver.pass_time(10).events() if event["status"] == "open"] != []
    assert sorted(closed(driver.pass_time(3600))) == [("blk_0", 1, 10), ("blk_1", 1, 10)]
