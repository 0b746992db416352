"""The closed windows of a log are the same at any speed: whatever the batches, the partitions, the order within the
lateness, and wherever it crashes. The pipeline is compared with references that know no clock, no state and no batch.
"""

import gzip
import itertools
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Literal
from zlib import crc32

from driver import Driver, epoch_ms, raw_line
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.settings import load_settings
from stream.windows.files import windows_of
from stream.windows.judge import time_text
from stream.windows.segments import segments
from stream.windows.settings import WindowSettings

QUIET, CLOSE, LATENESS, MAX_AGE, MAX_LINES = 3, 60, 12, 100, 4
LAST = CLOSE + MAX_AGE  # seconds that a block is remembered, and that a log takes here
WINDOWS = WindowSettings(1000 * QUIET, 1000 * CLOSE, 1000 * LATENESS, MAX_LINES, 1000 * MAX_AGE)
ROUTED = load_settings(**asdict(WINDOWS))
KEYED = load_settings(keyed_input=True, **asdict(WINDOWS))
MOST_LINES = 2 * MAX_LINES - 1  # of one block: more at one moment are cut before the watermark comes

TEXTS = ["Receiving block", "Received block", "Deleting block", "an exception about block"]
Closed = tuple[str, int, int, str, str, float]
"""Block, part, lines, first and last time, and a score that is a hash of the texts in order."""


@dataclass(frozen=True)
class Line:
    """A line to be: seconds after the driver's start, block, text, and how late it comes."""

    second: int
    block: str
    text: str
    delay: int = 0

    @property
    def raw(self) -> bytes:
        return raw_line(self.second, self.block, self.text)


def window_of(block: str, part: int, lines: list[tuple[int, str]]) -> Closed:
    """What is to be published about these lines, given in canonical order."""
    texts = "\n".join(f"dfs.DataNode: {text} <block>" for _, text in lines)
    first, last = (time_text(epoch_ms(second)) for second in (lines[0][0], lines[-1][0]))
    return (block, part, len(lines), first, last, float(crc32(texts.encode())))


def sorted_first(lines: list[Line]) -> list[Closed]:
    """The windows of all lines, each block's sorted first. This is the meaning of a window."""
    closed = []
    for block, group in itertools.groupby(sorted((ln.block, ln.second, ln.text) for ln in lines), itemgetter(0)):
        windows: list[list[tuple[int, str]]] = []
        for _, second, text in group:
            window = windows[-1] if windows else []
            over = not window or second - window[-1][0] > CLOSE or second - window[0][0] > MAX_AGE
            if over or len(window) == MAX_LINES:
                windows.append(window := [])
            window.append((second, text))
        closed += [window_of(block, part, window) for part, window in enumerate(windows, 1)]
    return closed


def line_by_line(lines: list[Line]) -> list[Closed]:
    """The windows when lines may come later than the lateness: before each, what the watermark has passed is closed.

    All lines of a block are kept as they are, nothing is remembered between two lines, and nothing is an alarm.
    """
    waiting: dict[str, list[tuple[int, str]]] = defaultdict(list)
    parts: Counter[str] = Counter()
    closed = []

    def close(block: str, watermark: float, keep: int | None = None) -> None:
        held = sorted(waiting[block])
        for found in segments([1000 * second for second, _ in held], WINDOWS):
            full = keep is not None and len(held) - found.start > keep
            if found.close_at < watermark or full:
                parts[block] += 1
                closed.append(window_of(block, parts[block], held[found.start : found.end]))
                waiting[block] = held[found.end :]

    progress = 0
    for line in lines:
        close(line.block, 1000 * (progress - LATENESS))
        waiting[line.block].append((line.second, line.text))
        if len(waiting[line.block]) == 2 * MAX_LINES:
            close(line.block, 1000 * (progress - LATENESS), keep=MAX_LINES)
        progress = max(progress, line.second)
    for block in waiting:
        close(block, float("inf"))
    return closed


def published(driver: Driver) -> list[Closed]:
    """What the pipeline has published of closed windows."""
    fields = itemgetter("block_id", "part", "lines", "first_time", "last_time", "score")
    return [fields(event) for event in driver.closed()]


def check_revisions(driver: Driver) -> None:
    """Of each part: revisions 1, 2, 3, …, and the last one closes it."""
    revisions: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    for event in driver.events():
        revisions[event["block_id"], event["part"]].append((event["revision"], event["status"]))
    for found in revisions.values():
        assert found == [*((n, "open") for n in range(1, len(found))), (len(found), "closed")]


# ── what hypothesis draws ──

BLOCKS = [f"blk_{number}" for number in (1, -2, 3)]
Action = Literal["commit", "crash"] | tuple[int, int]
"""A commit, a crash, or: of one of the partitions, read so many messages."""
ACTIONS: st.SearchStrategy[list[Action]] = st.lists(
    st.one_of(st.just("commit"), st.just("crash"), st.tuples(st.integers(0, 5), st.integers(1, 6))), max_size=30
)
SINCE = st.sampled_from([None, 0])
"""A new log, or one whose clocks are known."""


@st.composite
def on_time(draw: st.DrawFn) -> list[Line]:
    """Lines in an order in which none comes later than the lateness."""
    lines = []
    for block in draw(st.lists(st.sampled_from(BLOCKS), unique=True, min_size=1)):
        seconds = draw(st.lists(st.integers(0, LAST), min_size=1, max_size=MOST_LINES))
        lines += [
            Line(second, block, draw(st.sampled_from(TEXTS)), draw(st.integers(0, LATENESS))) for second in seconds
        ]
    return sorted(lines, key=lambda line: line.second + line.delay)


def follow(driver: Driver, actions: list[Action]) -> Driver:
    """Do what was drawn, then read the rest; an hour later, everything is closed."""
    for action in actions:
        if action == "commit":
            driver.commit()
        elif action == "crash":
            driver.crash()
        else:
            driver.read(driver.places[action[0] % len(driver.places)], action[1])
    return driver.pass_time(3600)


@settings(max_examples=250, deadline=None)
@given(on_time(), ACTIONS, st.integers(1, 3), st.integers(1, 3), st.data())
def test_routed_lines_give_the_windows_of_the_sorted_log(
    lines: list[Line], actions: list[Action], sources: int, partitions: int, data: st.DataObject
) -> None:
    driver = Driver(ROUTED, sources=sources, partitions=partitions)
    for line in lines:
        driver.send(line.raw, partition=data.draw(st.integers(0, sources - 1)))
    follow(driver, actions)
    assert sorted(published(driver)) == sorted_first(lines)
    check_revisions(driver)


@settings(max_examples=250, deadline=None)
@given(on_time(), ACTIONS, st.integers(1, 3), SINCE)
def test_keyed_lines_give_the_windows_of_the_sorted_log(
    lines: list[Line], actions: list[Action], partitions: int, since: int | None
) -> None:
    driver = Driver(KEYED, partitions=partitions, since=since)
    for line in lines:
        driver.send(line.raw, key=line.block)
    follow(driver, actions)
    assert sorted(published(driver)) == sorted_first(lines)
    check_revisions(driver)


@dataclass(frozen=True)
class Written:
    """A line that is written to a raw partition."""

    line: Line
    partition: int


Worked = Written | Literal["score", "rest", "crash"] | tuple[Literal["read", "tell"], int, int]
"""What happens: a line is written; the lines topic is read and scored; all comes to rest; all workers crash; of a raw
partition so many messages are read; the worker of a raw partition commits.
"""


@st.composite
def shared_work(draw: st.DrawFn, sources: int) -> list[Worked]:
    """Lines that are written one after the other, and what workers do meanwhile."""
    work: list[Worked] = []
    doing: st.SearchStrategy[Worked] = st.one_of(
        st.sampled_from(["score", "score", "rest", "crash"]),
        st.tuples(st.sampled_from(["read", "tell", "tell"]), st.integers(0, sources - 1), st.integers(1, 5)),
    )
    for line in draw(on_time()):
        work.append(Written(line, draw(st.integers(0, sources - 1))))
        work += draw(st.lists(doing, max_size=4))
    return work


def do(driver: Driver, work: list[Worked], sources: int) -> Driver:
    """Let it happen; once all partitions are at their ends again, and an hour later, everything is closed."""
    raw, inputs = driver.places[:sources], driver.places[sources:]
    for step in work:
        if isinstance(step, Written):
            driver.send(step.line.raw, partition=step.partition)
        elif step == "rest":
            driver.settle()
        elif step == "crash":
            driver.crash()
        elif step == "score":
            for place in inputs:
                driver.read(place)
            driver.commit_score()
        elif step[0] == "read":
            driver.read(raw[step[1]], step[2])
        else:
            driver.commit_route(step[1] % driver.workers)
    return driver.pass_time(driver.settings.idle_after / 1000).pass_time(3600)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(2, 4), st.integers(1, 2), st.sampled_from([1, 2, 2]), SINCE)
def test_workers_that_rest_and_wake_and_stand_still_give_the_windows_of_the_sorted_log(
    data: st.DataObject, sources: int, partitions: int, workers: int, since: int | None
) -> None:
    driver = Driver(ROUTED, sources=sources, partitions=partitions, workers=workers, since=since)
    work = data.draw(shared_work(sources))
    do(driver, work, sources)
    assert sorted(published(driver)) == sorted_first([step.line for step in work if isinstance(step, Written)])
    check_revisions(driver)


# ── lines with bad clocks among the others ──

YEAR = 365 * 24 * 3600


@st.composite
def with_bad_clocks(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    """Lines in time, and all lines: among them some that are a year ahead or behind, of the same blocks or others."""
    good = draw(on_time())
    mixed = list(good)
    for block in draw(st.lists(st.sampled_from([*BLOCKS, "blk_77", "blk_78"]), unique=True)):
        for _ in range(draw(st.integers(0, max(0, MOST_LINES - sum(line.block == block for line in good))))):
            second = draw(st.sampled_from([YEAR, -YEAR])) + draw(st.integers(0, LAST))
            mixed.insert(draw(st.integers(0, len(mixed))), Line(second, block, draw(st.sampled_from(TEXTS))))
    return good, mixed


def without_parts(windows: list[Closed]) -> list[tuple[object, ...]]:
    return sorted((block, *rest) for block, _, *rest in windows)


def of_this_year(windows: list[Closed]) -> list[Closed]:
    return [window for window in windows if window[3].startswith("2008")]


def not_ahead(windows: list[Closed]) -> list[Closed]:
    return [window for window in windows if not window[3].startswith("2009")]


@settings(max_examples=300, deadline=None)
@given(with_bad_clocks(), ACTIONS, st.integers(1, 3), st.data())
def test_lines_with_bad_clocks_change_no_window_of_the_others(
    lines: tuple[list[Line], list[Line]], actions: list[Action], sources: int, data: st.DataObject
) -> None:
    """The lines that are ahead have windows of their own, which stay open: their time has not come. Those that are
    behind come late, so that which part of the block they are, and with which other late ones, is not the log's alone.
    """
    good, mixed = lines
    for driver in (Driver(KEYED, since=0), Driver(ROUTED, sources=sources, since=0)):
        for line in mixed:
            number = None if driver.settings.keyed_input else data.draw(st.integers(0, sources - 1))
            driver.send(line.raw, partition=number, key=None if number is not None else line.block)
        follow(driver, actions)
        found = published(driver)
        assert without_parts(of_this_year(found)) == without_parts(sorted_first(good))
        assert not_ahead(found) == found
        late = [window for window in found if window[3].startswith("2007")]
        assert sum(window[2] for window in late) == sum(line.second < 0 for line in mixed)


@settings(max_examples=700, deadline=None)
@given(
    st.lists(
        st.builds(Line, st.integers(0, LAST), st.sampled_from(BLOCKS[:2]), st.sampled_from(TEXTS)),
        min_size=1,
        max_size=40,
    ),
    ACTIONS,
)
def test_lines_that_are_too_late_give_the_same_windows_whatever_the_batches(
    lines: list[Line], actions: list[Action]
) -> None:
    driver = Driver(KEYED, since=0)
    for line in lines:
        driver.send(line.raw, key=line.block)
    follow(driver, actions)
    assert sorted(published(driver)) == sorted(line_by_line(lines))
    check_revisions(driver)


def test_real_lines_give_the_same_windows_from_a_file_and_over_partitions_with_crashes(shared_data: Path) -> None:
    with gzip.open(shared_data / "hdfs-1pct.log.gz") as file:
        lines = [line.rstrip() for line in itertools.islice(file, 15_000)]
    driver = Driver(sources=3, partitions=2)
    driver.send(*lines)
    for batch in (2500, 7, 400) * 2:
        driver.step(batch)
        driver.crash()
    driver.pass_time(24 * 3600)
    found = [
        (window.block_id, window.part, len(window.texts), float(crc32("\n".join(window.texts).encode())))
        for window in windows_of(lines)
    ]
    assert sorted(itemgetter("block_id", "part", "lines", "score")(event) for event in driver.closed()) == sorted(found)
