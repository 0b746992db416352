"""The daemon's garbage collector: cycles are found every ten seconds, and what was before is as before."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from stream.garbage import ALL_EVERY_S, EVERY_S, MOST, collected_rarely
from stream.lines import BadLine, new_reader
from stream.lines.log import Log


class Knot:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_a_cycle_is_freed_once_ten_seconds_are_over_and_not_before() -> None:
    clock = Clock()
    with collected_rarely(clock) as collect:
        for _ in range(2):
            knot = Knot()
            left = weakref.ref(knot)
            del knot
            clock.now += EVERY_S - 0.1
            collect()
            assert left() is not None
            clock.now += 0.1
            collect()
            assert left() is None


def test_an_old_cycle_is_freed_when_all_is_looked_at() -> None:
    clock = Clock()
    with collected_rarely(clock) as collect:
        knot = Knot()
        left = weakref.ref(knot)
        for _ in range(3):
            clock.now += EVERY_S
            collect()
        del knot
        clock.now += EVERY_S
        collect()
        assert left() is not None
        clock.now += ALL_EVERY_S
        collect()
        assert left() is None


def test_the_longer_it_takes_to_look_at_all_the_rarer_that_is() -> None:
    clock, looks = Clock(), []

    def slow(phase: str, said: dict[str, int]) -> None:
        if phase == "stop" and said["generation"] == 2:
            looks.append(clock.now)
            clock.now += 5.0

    with collected_rarely(clock) as collect:
        gc.callbacks.append(slow)
        try:
            while clock.now < 20_000:
                clock.now += EVERY_S
                collect()
        finally:
            gc.callbacks.remove(slow)
    assert looks == [700, 5_705, 10_710, 15_715]


def knots(number: int) -> list["weakref.ref[Knot]"]:
    """So many cycles that nobody holds."""
    return [weakref.ref(Knot()) for _ in range(number)]


def test_nothing_is_collected_because_much_was_made_unless_it_is_very_much() -> None:
    with collected_rarely(Clock()):
        made = knots(20_000)
        assert all(left() is not None for left in made)
        knots(MOST)
        assert not any(left() for left in made)


def test_afterwards_the_collector_is_as_it_was_even_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), collected_rarely():
        raise ValueError("broken")


@pytest.mark.parametrize(
    "raw", [b"no time, but blk_1", b"991399 203615 1 INFO dfs.D: blk_1", b"\tat a.B(blk_1)", b"{blk_1"]
)
def test_a_line_that_cannot_be_read_leaves_nothing_to_collect(raw: bytes) -> None:
    log, refused = Log(new_reader()), 0
    with collected_rarely():
        for _ in range(10):
            try:
                for inner in log.messages(raw):
                    log.entry(inner)
            except BadLine:
                refused += 1
        assert gc.collect() == 0
    assert refused == 10
