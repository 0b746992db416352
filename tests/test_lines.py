"""What one raw line says: its time, its masked text, its words, the blocks it names."""

import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.lines import BadLine, Line, LineReader, block_ids, words
from stream.lines.reader import MAX_LINE_BYTES, MAX_TEXT

V1 = b"081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608 src: /10.250.19.102:54106"
V1_TEXT = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address>"


def epoch_ms(year: int, month: int, day: int, hour: int, minute: int, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


def outcome(raw: bytes, reader: LineReader | None = None) -> Line | str:
    """What is read from a line, or the reason why nothing is; anything but a BadLine is passed on."""
    try:
        return (reader or LineReader()).read(raw)
    except BadLine as bad:
        return bad.reason


# ── the forms of a line ──


def test_a_line_of_hdfs_v1_gives_time_and_masked_text() -> None:
    assert LineReader().read(V1) == Line(epoch_ms(2008, 11, 9, 20, 35, 18), V1_TEXT)


ISO_LINES = {
    b"2023-10-10 08:02:30,123 INFO  datanode.DataNode (DataXceiver.java:writeBlock(747)) - Receiving "
    b"BP-1234-10.0.0.1-1700000:blk_1073741825_1001 src: /10.0.0.1:51234 dest: /10.0.0.2:9866": (
        "datanode.DataNode: Receiving <pool>:<block> src: <address> dest: <address>"
    ),
    b"2023-10-10 08:02:30,123 INFO org.apache.hadoop.hdfs.server.datanode.DataNode: Receiving blk_1_2": (
        "org.apache.hadoop.hdfs.server.datanode.DataNode: Receiving <block>"
    ),
    b"2023-10-10T08:02:30.123Z [main] INFO DFSClient: Successfully read": "DFSClient: Successfully read",
    b"2023-10-10 08:02:30.123 WARN [IPC Server handler 5] Server : Slow call": "WARN Server: Slow call",
    b"2023-10-10 08:02:30.123456789 ERROR DataNode: disk is full": "ERROR DataNode: disk is full",
    b"2023-10-10 08:02:30,123 INFO nothing more": "nothing more",
}


@pytest.mark.parametrize("raw", ISO_LINES)
def test_lines_of_hadoop_2_and_3_give_time_and_masked_text(raw: bytes) -> None:
    assert LineReader().read(raw) == Line(epoch_ms(2023, 10, 10, 8, 2, 30) + 123, ISO_LINES[raw])


@pytest.mark.parametrize("pool", ["BP-xxx", "BP-1234-10.0.0.1-1700000", "BP-1234-10.0.0.1-1700000:blk_1073741825_1001"])
def test_a_client_that_read_a_block_gives_its_words_alone(pool: str) -> None:
    line = f"2023-10-10 08:02:30.123 INFO DFSClient: Successfully read block {pool}"
    assert words(LineReader().read(line.encode()).text) == "dfs client successfully read block"
    assert words(LineReader().text(line.encode())) == "dfs client successfully read block"


def test_a_line_without_a_time_has_a_text_all_the_same() -> None:
    assert LineReader().text(b"Received block blk_17 of size 67108864 from /10.0.0.1") == (
        "Received block <block> of size from <address>"
    )


def test_warnings_and_errors_keep_their_level_and_silent_levels_do_not() -> None:
    texts = {level: LineReader().read(V1.replace(b"INFO", level)).text for level in (b"DEBUG", b"WARN", b"FATAL")}
    assert texts == {b"DEBUG": V1_TEXT, b"WARN": f"WARN {V1_TEXT}", b"FATAL": f"FATAL {V1_TEXT}"}


def test_line_ends_and_stack_traces_within_a_line_do_no_harm() -> None:
    assert LineReader().read(V1 + b"\r\n").text == V1_TEXT
    assert LineReader().read(V1 + b"\n\tat java.io.Foo\n").text == f"{V1_TEXT} at java.io.Foo"


# ── time ──


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2023-10-10 08:02:30", 0),
        ("2023-10-10T08:02:30.", 0),
        ("2023-10-10 08:02:30,1", 100),
        ("2023-10-10 08:02:30.1239", 123),
        ("2023-10-10T10:02:30.5+02:00", 500),
        ("2023-10-10T10:02:30.5+0200", 500),
        ("2023-10-09T20:32:30-11:30", 0),
        ("2023-10-10T08:02:30Z", 0),
    ],
)
def test_fractions_and_offsets_of_iso_stamps(stamp: str, expected: int) -> None:
    read = LineReader(timezone(timedelta(hours=5))) if "+" in stamp or "Z" in stamp else LineReader()
    line = read.read(f"{stamp} INFO DataNode: up".encode())
    assert line.time == epoch_ms(2023, 10, 10, 8, 2, 30) + expected


def test_a_stamp_without_zone_is_read_in_the_readers_zone() -> None:
    berlin = LineReader(ZoneInfo("Europe/Berlin"))
    assert berlin.read(V1).time == epoch_ms(2008, 11, 9, 19, 35, 18)
    assert berlin.read(b"2023-07-10 08:02:30 INFO DataNode: up").time == epoch_ms(2023, 7, 10, 6, 2, 30)


def test_an_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    line = b"2023-10-29 02:30:00 INFO DataNode: up"
    assert LineReader(ZoneInfo("Europe/Berlin")).read(line).time == epoch_ms(2023, 10, 29, 0, 30)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"blk_1",
        b"081309 203518 143 INFO dfs.DataNode: month 13",
        b"081131 203518 143 INFO dfs.DataNode: 31 November",
        b"081109 250000 143 INFO dfs.DataNode: hour 25",
        b"081109 203560 143 INFO dfs.DataNode: second 60",
        b"08110 9203518 143 INFO dfs.DataNode: a digit astray",
        b"081109 2035181 43 INFO dfs.DataNode: a digit too many",
        b"081109  203518 143 INFO dfs.DataNode: two spaces",
        b"081109 203518 143 LOUD dfs.DataNode: no level",
        b"081109 203518 143 INFO a message without a component",
        b"2023-02-29 08:02:30 INFO DataNode: no leap year",
        b"2023-10-10 24:02:30 INFO DataNode: hour 24",
        b"0000-10-10 08:02:30 INFO DataNode: year 0",
        b"2023-10-10T08:02:30.1234567891+02:00 INFO DataNode: a fraction too long",
        b"2023-10-10T08:02:30+99:00 INFO DataNode: no such offset",
        b"0001-01-01T00:00:00+14:00 INFO DataNode: before the first year",
        b"9999-12-31T23:59:59-14:00 INFO DataNode: after the last year",
        b"23-10-10 08:02:30 INFO DataNode: short year",
    ],
)
def test_a_time_that_cannot_be_is_a_bad_line(raw: bytes) -> None:
    assert outcome(raw) == "timestamp"


def test_a_line_of_64_KiB_is_read_and_a_longer_one_refused() -> None:
    assert LineReader().read(V1 + b" " * (MAX_LINE_BYTES - len(V1))).text == V1_TEXT
    assert outcome(V1 + b" " * (MAX_LINE_BYTES - len(V1) + 1)) == "too_long"


def test_bytes_that_are_not_utf8_are_refused_and_letters_of_any_script_are_not() -> None:
    assert outcome(V1 + b" \xff") == "encoding"
    assert LineReader().read(V1 + " größer als 数据".encode()).text == f"{V1_TEXT} größer als 数据"


@example(b"<>")
@example(b"{")
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(lambda head, tail: V1[: len(V1) - head] + tail, st.integers(0, len(V1)), st.binary(max_size=30)),
        st.from_regex(rb"[0-9]{6} [0-9]{6} [0-9]{1,3} (INFO|WARN) [a-z.]{1,5}: .*", fullmatch=True),
        st.from_regex(
            rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{0,10})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
            rb" (INFO|WARN) [a-z.]{1,5}: .*",
            fullmatch=True,
        ),
    )
)
def test_any_bytes_are_a_line_or_a_bad_line_and_nothing_else(raw: bytes) -> None:
    for zone in (UTC, ZoneInfo("America/St_Johns")):
        found = outcome(raw, LineReader(zone))
        assert isinstance(found, Line) or found in ("too_long", "encoding", "timestamp", "envelope")
        assert isinstance(block_ids(raw), list)
        if found not in ("too_long", "encoding", "envelope"):
            assert isinstance(LineReader().text(raw), str)


# ── blocks ──


@pytest.mark.parametrize(
    ("raw", "blocks"),
    [
        (b"Receiving block blk_-1608999687919862906 src: /10.250.19.102", [b"blk_-1608999687919862906"]),
        (b"ask 10.0.0.1:50010 to delete blk_1 blk_-2 blk_1 blk_3", [b"blk_1", b"blk_-2", b"blk_3"]),
        (b"Deleting blk_7 file /mnt/current/subdir0/blk_7", [b"blk_7"]),
        (b"BP-1-10.0.0.1-2:blk_1073741825_1001", [b"blk_1073741825"]),
        (b"blk_1073741825_1001.meta and blk_1073741825_1002.meta", [b"blk_1073741825"]),
        (b"blk_9223372036854775807", [b"blk_9223372036854775807"]),
        (b"blk_92233720368547758070", []),
        (b"blk_ blk_- blk_x BLK_1 block 1", []),
    ],
)
def test_blocks_are_named_without_stamp_once_and_in_order(raw: bytes, blocks: list[bytes]) -> None:
    assert block_ids(raw) == blocks


# ── caches and cost ──


@given(st.lists(st.sampled_from([V1, V1.replace(b"2035", b"1234"), b"081109 2035181 43" + V1[17:], b"x", *ISO_LINES])))
def test_what_was_read_before_never_changes_a_result(lines: list[bytes]) -> None:
    whole, small = LineReader(), LineReader(cache=0)
    for line in lines:
        assert outcome(line) == outcome(line, whole) == outcome(line, small)


def test_a_stamp_that_was_seen_does_not_hide_that_a_longer_one_is_none() -> None:
    reader = LineReader()
    reader.read(V1)
    with pytest.raises(BadLine):
        reader.read(V1.replace(b"203518 143", b"2035181 43"))


def test_an_iso_stamp_that_was_seen_does_not_hide_another_zone() -> None:
    reader = LineReader()
    lines = [b"2023-10-10T08:02:30%s INFO DataNode: up" % zone for zone in (b"", b"Z", b"+02:00", b"-02:00")]
    hours = [reader.read(line).time // 3_600_000 for line in lines]
    assert [hour - hours[0] for hour in hours] == [0, 0, -2, 2]


def test_hostile_lines_cannot_fill_the_memory() -> None:
    reader = LineReader(cache=100_000)
    for i in range(500):
        reader.read(V1 + b" " + bytes(97 + (i >> bit & 1) for bit in range(9)) * 400)
    assert sum(map(len, reader._known)) < 100_000
    assert len(reader.read(V1 + b" word" * 10_000).text) <= MAX_TEXT


@pytest.mark.parametrize(
    "head", [b"", b"081109 203518 143 INFO ", b"081109 203518 143 INFO x: ", b"2023-10-10 08:02:30 INFO "]
)
def test_the_time_to_read_a_line_is_linear_whatever_is_in_it(head: bytes) -> None:
    pieces = (
        "/= / a a/ = - a- -a . .. ... /... BP- blk_ blk_- : :// a:// x ( [ ] <block> <address>, f- -- _ @ , \t \n é"
    )
    for piece in [*pieces.split(" "), " ", ". ", "- ", "[]", "[ ", "(-"]:
        raw = head + (piece.encode() * MAX_LINE_BYTES)[: MAX_LINE_BYTES - len(head) - 2]
        begun = time.process_time()
        outcome(raw)
        assert time.process_time() - begun < 1, f"{piece!r} after {head!r}"  # about 0.01; quadratic ones took 20
