"""The route stage on its own: what it tells the lines partitions about event time, and when."""

import pytest
from driver import FakeMessage
from pipeline import line

from stream.kafka.messages import Record, read_control
from stream.kafka.route import RouteStage
from stream.lines import LineReader
from stream.settings import load_settings

SETTINGS = load_settings(idle_after="2s")


class Routed:
    """A route stage with two raw partitions and one lines partition, and what it told."""

    def __init__(self) -> None:
        self.stage = RouteStage(SETTINGS, LineReader(), sources=2, targets=1)
        self._offset = 0
        self.stage.assign(0)
        self.stage.assign(1)
        assert self.told(now=0.0) == [(0, 0, False), (1, 0, False)]

    def line(self, partition: int, raw: bytes) -> list[Record]:
        sent: list[Record] = []
        record = Record(SETTINGS.raw_topic, None, raw)
        self.stage.line(FakeMessage((SETTINGS.raw_topic, partition), self._offset, record), sent.append)
        self._offset += 1
        return sent

    def told(self, now: float) -> list[tuple[int, int, bool]]:
        """Source, time in s since the first line, whether at its end."""
        sent: list[Record] = []
        self.stage.tell(now, sent.append)
        reports = [read_control(FakeMessage((record.topic, 0), 0, record)) for record in sent]
        first = LineReader().read(line(0, "a")).time
        return [(r.source, (r.time - first) // 1000 if r.time else 0, r.at_end) for r in reports if r]


def test_a_partition_that_is_new_to_it_may_hold_more_and_that_is_told_before_all_else() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.stage.assign(1)
    assert routed.told(now=0.0) == [(1, 0, False), (0, 10, False)]


def test_what_holds_event_time_back_is_told_before_what_moves_it() -> None:
    routed = Routed()
    routed.line(0, line(20, "Receiving block blk_1"))
    routed.line(1, line(10, "Receiving block blk_1"))
    assert routed.told(now=0.0) == [(1, 10, False), (0, 20, False)]
    routed.stage.at_end(0, now=0.0)
    routed.line(1, line(30, "Receiving block blk_1"))
    assert routed.told(now=2.0) == [(1, 30, False), (0, 20, True)]


def test_it_tells_how_far_each_raw_partition_has_come_once() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.line(0, line(5, "Receiving block blk_1"))
    assert routed.told(now=0) == [(0, 10, False)]
    assert routed.told(now=1) == []


def test_a_partition_that_is_at_its_end_for_a_moment_is_not_idle() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.stage.at_end(0, now=0.0)
    assert routed.told(now=1.9) == [(0, 10, False)]
    routed.line(0, line(20, "Receiving block blk_1"))
    assert routed.told(now=2.5) == [(0, 20, False)]
    routed.stage.at_end(0, now=3.0)
    assert routed.told(now=4.9) == []
    assert routed.told(now=5.0) == [(0, 20, True)]
    assert routed.told(now=60.0) == []


def test_a_partition_without_any_line_is_idle_after_a_while_and_says_so() -> None:
    routed = Routed()
    routed.stage.at_end(1, now=0.0)
    assert routed.told(now=0.0) == []
    assert routed.told(now=2.0) == [(1, 0, True)]


def test_after_a_rest_of_all_each_partition_is_waited_for_again() -> None:
    routed = Routed()
    routed.stage.at_end(0, now=0.0)
    routed.stage.at_end(1, now=0.0)
    assert routed.told(now=2.0) == [(0, 0, True), (1, 0, True)]
    routed.line(0, line(10, "Receiving block blk_1"))
    assert routed.told(now=100.0) == [(1, 0, False), (0, 10, False)]
    assert routed.told(now=101.9) == []
    assert routed.told(now=102.0) == [(1, 0, True)]
    routed.line(0, line(20, "Receiving block blk_1"))
    assert routed.told(now=103.0) == [(0, 20, False)]


def test_a_line_that_cannot_be_read_moves_no_clock_but_ends_idleness() -> None:
    routed = Routed()
    routed.line(1, line(0, "Receiving block blk_1"))
    routed.stage.at_end(0, now=0.0)
    assert routed.told(now=2.0) == [(1, 0, False), (0, 0, True)]
    (letter,) = routed.line(0, b"\xff")
    assert letter.topic == SETTINGS.dead_letter_topic
    assert routed.told(now=2.1) == [(0, 0, False)]


@pytest.mark.parametrize("raw", [b"", line(1, "names no block")])
def test_what_names_no_block_is_counted_and_goes_nowhere(raw: bytes) -> None:
    routed = Routed()
    assert routed.line(0, raw) == []
    assert (routed.stage.no_block, routed.stage.dead, routed.stage.lines) == (1, 0, 1)


def test_a_revoked_partition_is_told_of_no_more() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.stage.revoke(0)
    routed.stage.at_end(0, now=0.0)
    assert routed.told(now=9.0) == []
