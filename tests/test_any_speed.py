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
@given(on_time(), ACTIONS, st.integers(1, 3))
def test_keyed_lines_give_the_windows_of_the_sorted_log(
    lines: list[Line], actions: list[Action], partitions: int
) -> None:
    driver = Driver(KEYED, partitions=partitions)
    for line in lines:
        driver.send(line.raw, key=line.block)
    follow(driver, actions)
    assert sorted(published(driver)) == sorted_first(lines)
    check_revisions(driver)


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
    driver = Driver(KEYED)
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
