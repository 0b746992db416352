"""The route stage on its own: what it tells the lines partitions about event time, and when."""

import json
from collections.abc import Sequence

import pytest
from driver import FakeMessage
from pipeline import line

from stream.kafka.messages import LABEL, WATERMARK, Keyed, Record, SourceReport, Witness, read_control
from stream.kafka.route import RouteStage
from stream.lines import BadLine, LineReader
from stream.settings import load_settings
from stream.windows.source import RUN

DAY = 86_400
SETTINGS = load_settings(idle_after="2s")
FIRST = LineReader().read(line(0, "a")).time
SINCE = json.dumps({"progress": FIRST, "run": []})


class Routed:
    """A route stage with two raw partitions and one lines partition, and what it told; ``ends`` is what it asks Kafka
    for, None if Kafka does not answer. Both partitions are known to have come to second 0 before.
    """

    def __init__(self, sources: int = 2) -> None:
        self.ends: dict[int, int] | None = {}
        self.asked: list[list[int]] = []
        self.stage = RouteStage(SETTINGS, LineReader(), sources, inputs=1, ends=self._ends)
        self._offset = 0
        self.stage.assign(0, 0, SINCE)
        self.stage.assign(1, 0, SINCE)
        assert self.told(now=0.0) == [(0, 0, False), (1, 0, False)]
        self.asked = []

    def _ends(self, partitions: list[int]) -> dict[int, int] | None:
        self.asked.append(partitions)
        return self.ends

    def at_end(self, partition: int, now: float) -> None:
        self.stage.at_end(partition, now, self._offset)

    def line(self, partition: int, raw: bytes) -> list[Record]:
        sent: list[Record] = []
        record = Record(SETTINGS.raw_topic, None, raw)
        message = FakeMessage((SETTINGS.raw_topic, partition), self._offset, record)
        self.stage.lines_of(partition, [message], sent.append)
        self._offset += 1
        return sent

    def told(self, now: float) -> list[tuple[int, int, bool] | Witness]:
        """Source, time in s since the first line, whether at its end; or what it is a witness of."""
        return [
            (r.source, (r.time - FIRST) // 1000 if r.time else -1, r.at_end) if isinstance(r, SourceReport) else r
            for r in self.reports(now)
        ]

    def reports(self, now: float) -> list[SourceReport | Witness]:
        sent: list[Record] = []
        self.stage.tell(now, sent.append)
        read = [read_control(FakeMessage((record.topic, 0), 0, record)) for record in sent]
        return [report for report in read if report]


def test_a_partition_that_is_new_to_it_may_hold_more_and_that_is_told_before_all_else() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.stage.assign(1)
    assert routed.told(now=0.0) == [(1, -1, False), (0, 10, False)]


def test_what_holds_event_time_back_is_told_before_what_moves_it() -> None:
    routed = Routed()
    routed.line(0, line(20, "Receiving block blk_1"))
    routed.line(1, line(10, "Receiving block blk_1"))
    assert routed.told(now=0.0) == [(1, 10, False), (0, 20, False)]
    routed.at_end(0, now=0.0)
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
    routed.at_end(0, now=0.0)
    assert routed.told(now=1.9) == [(0, 10, False)]
    routed.line(0, line(20, "Receiving block blk_1"))
    assert routed.told(now=2.5) == [(0, 20, False)]
    routed.at_end(0, now=3.0)
    assert routed.told(now=4.9) == []
    assert routed.told(now=5.0) == [(0, 20, True)]
    assert routed.told(now=60.0) == []


def test_a_partition_without_any_line_is_idle_after_a_while_and_says_so() -> None:
    routed = Routed()
    routed.at_end(1, now=0.0)
    assert routed.told(now=0.0) == []
    assert routed.told(now=2.0) == [(1, 0, True)]


def test_after_a_rest_of_all_each_partition_is_waited_for_again() -> None:
    routed = Routed()
    routed.at_end(0, now=0.0)
    routed.at_end(1, now=0.0)
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
    routed.at_end(0, now=0.0)
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
    routed.at_end(0, now=0.0)
    assert routed.told(now=9.0) == []


# ── what is believed of the time ──


def test_a_new_partition_has_no_time_until_enough_lines_agree_or_it_is_at_its_end() -> None:
    for lines, now in ((RUN - 1, 0.0), (RUN, 0.0), (1, 2.0)):
        routed = Routed()
        routed.stage.assign(0)
        for second in range(lines):
            routed.line(0, line(second, "Receiving block blk_1"))
        routed.at_end(0, now=0.0)
        [told] = [report[1] for report in routed.told(now) if report[0] == 0]
        assert told == (-1 if lines == RUN - 1 else lines - 1)


def test_a_line_far_ahead_moves_no_clock_and_is_counted() -> None:
    routed = Routed()
    for second in (10, 400 * DAY, 11):
        routed.line(0, line(second, "Receiving block blk_1"))
    assert routed.told(now=0.0) == [(0, 11, False)]
    assert routed.stage.jumps == 1


def test_what_is_believed_goes_with_the_committed_offset_to_the_next_owner() -> None:
    first, second = Routed(), Routed()
    first.line(0, line(10, "Receiving block blk_1"))
    for day in range(3, RUN + 2):  # one too few
        first.line(0, line(3 * DAY + day, "Receiving block blk_1"))
    second.stage.assign(0, 70, first.stage.notes()[0])
    assert second.told(now=0.0) == [(0, 10, False)]
    second.line(0, line(3 * DAY, "Receiving block blk_1"))
    assert second.told(now=0.0) == [(0, 3 * DAY + RUN + 1, False)]


@pytest.mark.parametrize(
    "note", [None, "", "7", "of another program", "{}", '{"progress": "soon", "run": []}', "[" * 99]
)
def test_a_note_that_is_none_of_ours_says_nothing(note: str | None) -> None:
    routed = Routed()
    routed.stage.assign(0, 7, note)
    assert routed.told(now=0.0) == [(0, -1, False)]


def test_a_note_is_never_longer_than_a_broker_takes() -> None:
    routed = Routed()
    for number in range(RUN - 1):
        routed.line(0, line(DAY * (3 * number + 3), "Receiving block blk_1"))
    note = routed.stage.notes()[0]
    assert len(note) < 4096
    assert {name: value for name, value in json.loads(note).items() if name != "head"} == json.loads(SINCE)


# ── what it asks Kafka for ──


def test_it_asks_for_nothing_while_it_holds_all_and_all_are_awake_or_while_it_has_nothing_to_tell() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.told(now=0.0)
    assert routed.asked == []
    other = Routed(sources=3)
    assert other.told(now=0.0) == []
    assert other.asked == []


def test_it_is_a_witness_of_the_partitions_that_others_hold_once_and_before_it_tells_its_own() -> None:
    routed = Routed(sources=4)
    routed.ends = {2: 7, 3: 0}
    for second in (10, 20):
        routed.line(0, line(second, "Receiving block blk_1"))
        told = routed.told(now=0.0)
        assert told == ([Witness(4, ((2, 7),)), (0, 10, False)] if second == 10 else [(0, 20, False)])
    assert routed.asked == [[2, 3], [2, 3]]
    routed.stage.assign(1, 0, SINCE)  # after an abort, say, which undid what was told
    assert routed.told(now=0.0) == [Witness(4, ((2, 7),)), (1, 0, False)]


def test_its_own_partition_that_rests_is_awake_again_as_soon_as_anything_is_waiting_there() -> None:
    routed = Routed()
    routed.at_end(0, now=0.0)
    routed.told(now=2.0)
    routed.ends = {0: 1}
    routed.line(1, line(10, "Receiving block blk_1"))
    assert routed.told(now=100.0) == [(0, 0, False), (1, 10, False)]
    assert routed.asked[-1] == [0]


def test_marks_of_transactions_behind_the_last_line_are_told_so_that_no_witness_waits_for_them() -> None:
    routed = Routed()
    routed.line(0, line(10, "Receiving block blk_1"))
    routed.stage.at_end(0, now=0.0, offset=1)
    assert [report for report in routed.reports(now=2.0) if report.at_end] == [(0, 2, FIRST + 10_000, True, 1)]
    routed.stage.at_end(0, now=3.0, offset=2)
    assert routed.reports(now=3.0) == [(0, 2, FIRST + 10_000, True, 2)]


def test_nothing_is_told_while_kafka_does_not_answer() -> None:
    routed = Routed(sources=3)
    routed.ends = None
    routed.line(0, line(10, "Receiving block blk_1"))
    assert routed.told(now=0.0) == []
    routed.ends = {2: 3}
    assert routed.told(now=0.0) == [Witness(3, ((2, 3),)), (0, 10, False)]


# ── control records ──


def control(body: str) -> FakeMessage:
    return FakeMessage(("lines", 0), 0, Record("lines", None, None, [(WATERMARK, body.encode())]))


def test_control_records_of_the_form_without_an_offset_are_read() -> None:
    assert read_control(control("[1, 4, 1000, true]")) == SourceReport(1, 4, 1000, True, -1)


@pytest.mark.parametrize("body", ["", "[]", "[1, 4, 1000]", "[1, 4, 1000, 1]", "[4, [3]]", "[4, [[1, 2, 3]]]", "{}"])
def test_a_control_record_of_another_form_is_refused(body: str) -> None:
    with pytest.raises(BadLine):
        read_control(control(body))


def test_lines_that_go_together_keep_their_place_among_those_that_go_alone() -> None:
    together, alone = line(1, "Receiving block blk_1"), line(2, "Received block blk_1")
    label = [(LABEL, b"1")]
    two, trace = line(4, "ask to delete blk_1 blk_2"), b"java.io.IOException: Connection reset by peer"
    raws = [(together, None), (alone, label), (together, None), (two, None), (together, None), (trace, None)]
    messages = [
        FakeMessage((SETTINGS.raw_topic, 0), number, Record(SETTINGS.raw_topic, None, raw, headers))
        for number, (raw, headers) in enumerate(raws)
    ]
    sent: list[Record] = []
    batches: list[int] = []

    def emit_lines(topic: str, lines: Sequence[Keyed]) -> None:
        batches.append(len(lines))
        sent.extend(Record(topic, key, value) for key, value in lines)

    Routed().stage.lines_of(0, messages, sent.append, emit_lines)
    assert batches == [1, 1, 1]
    values = [record.value for record in sent]
    assert values[:6] == [together, alone, together, two, two, together]
    assert len(values) == 7
    assert [record.headers for record in sent] == [None, label, *[None] * 5]
    assert [record.key for record in sent] == [b"blk_1"] * 4 + [b"blk_2"] + [b"blk_1"] * 2
