"""Envelopes of log shippers, stack traces and other forms of lines: what is in them, and that nothing changes it."""

from collections.abc import Iterator
from datetime import UTC

import orjson
import pytest
from driver import Driver

from stream.lines import BadLine, new_reader
from stream.lines.envelopes import FORMS, Opener
from stream.lines.log import Log
from stream.settings import Settings
from stream.windows.files import Counts, windows_of

PLAIN = "2023-10-10 08:02:30,123 INFO  datanode.DataNode (DataXceiver.java:run(7)) - Receiving blk_1 src: /10.0.0.1:5"
BARE = "Receiving blk_1 src: /10.0.0.1:5"
TEXT = "Receiving <block> src: <address>"
TIME = 1696924950123
NS = f"{TIME}456789"


def as_json(value: object) -> bytes:
    return orjson.dumps(value)


def filebeat(line: str) -> bytes:
    return as_json(
        {
            "@timestamp": "2023-10-10T08:02:30.123Z",
            "@metadata": {"beat": "filebeat"},
            "host": {"name": "dn1"},
            "log": {"file": {"path": "/var/log/hadoop/dn.log"}, "offset": 7},
            "message": line,
        }
    )


def otlp(*lines: str) -> bytes:
    records = [{"timeUnixNano": NS, "severityText": "Info", "body": {"stringValue": line}} for line in lines]
    host = [{"key": "host.name", "value": {"stringValue": "dn1"}}]
    return as_json(
        {"resourceLogs": [{"resource": {"attributes": host}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]}
    )


def loki(*lines: str) -> bytes:
    return as_json({"streams": [{"stream": {"host": "dn1"}, "values": [[NS, line] for line in lines]}]})


ENVELOPES = {
    "filebeat": filebeat,
    "fluent-bit": lambda line: as_json({"@timestamp": TIME / 1000, "log": line + "\n"}),
    "fluentd": lambda line: as_json({"time": "2023-10-10 08:02:30.123 +0000", "log": line, "stream": "stdout"}),
    "vector": lambda line: as_json(
        {"timestamp": "2023-10-10T08:02:30.123456789Z", "message": line, "host": "dn1", "source_type": "file"}
    ),
    "logstash": lambda line: as_json({"@timestamp": "2023-10-10T08:02:30.123Z", "event": {"original": line}}),
    "docker": lambda line: as_json({"log": line + "\n", "stream": "stderr", "time": "2023-10-10T08:02:30.123456Z"}),
    "journald": lambda line: as_json({"MESSAGE": line, "__REALTIME_TIMESTAMP": f"{TIME}456", "_HOSTNAME": "dn1"}),
    "journald bytes": lambda line: as_json({"MESSAGE": list(line.encode()), "__REALTIME_TIMESTAMP": f"{TIME}456"}),
    "gelf": lambda line: as_json({"version": "1.1", "host": "dn1", "full_message": line, "timestamp": TIME / 1000}),
    "splunk": lambda line: as_json({"time": TIME / 1000, "host": "dn1", "event": line}),
    "promtail": loki,
    "otlp": otlp,
    "array": lambda line: as_json([{"@timestamp": TIME, "message": line}]),
    "rfc 5424": lambda line: f'<134>1 2023-10-10T08:02:30.123Z dn1 hdfs 12 - [a@1 b="]\\"x"] {line}'.encode(),
    "rsyslog": lambda line: f"2023-10-10T08:02:30.123+00:00 dn1 hdfs[12]: {line}".encode(),
    "cri": lambda line: f"2023-10-10T08:02:30.123456789Z stdout F {line}".encode(),
    "cri in fluent-bit": lambda line: as_json(
        {"@timestamp": 1.5, "log": f"2023-10-10T08:02:30.123456789Z stdout F {line}"}
    ),
}


@pytest.mark.parametrize("form", ENVELOPES)
def test_the_line_in_an_envelope_is_read_with_its_own_time(form: str) -> None:
    line = PLAIN.replace("30,123", "31,456")
    [inner] = new_reader().open(ENVELOPES[form](line))
    assert inner.line == line.encode()
    assert new_reader().read(ENVELOPES[form](line)) == new_reader().read(line.encode())


@pytest.mark.parametrize("form", ENVELOPES)
def test_a_line_without_a_time_has_that_of_the_envelope(form: str) -> None:
    time, text = new_reader().read(ENVELOPES[form](BARE))
    assert (time, text) == (TIME, TEXT)


@pytest.mark.parametrize("tag", ["hdfs", "hdfs[12]"])
@pytest.mark.parametrize("priority", ["", "<13>"])
def test_old_syslog_tells_no_year_so_its_line_needs_a_time_of_its_own(priority: str, tag: str) -> None:
    head = f"{priority}Oct  9 22:14:15 dn1 {tag}: "
    assert new_reader().read((head + PLAIN).encode()) == new_reader().read(PLAIN.encode())
    with pytest.raises(BadLine, match="known form of time"):
        new_reader().read((head + BARE).encode())


def test_loggers_that_write_json_are_lines_with_level_and_component() -> None:
    said = {"@timestamp": "2023-10-10T08:02:30.123Z", "level": "WARN", "logger_name": "dfs.DataNode", "message": BARE}
    otel = {"timeUnixNano": NS, "severityText": "Warn", "body": {"stringValue": BARE}}
    scoped = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "dfs.DataNode"}, "logRecords": [otel]}]}]}
    for raw in (as_json(said), as_json(scoped)):
        assert new_reader().read(raw) == (TIME, f"WARN dfs.DataNode: {TEXT}")


def test_a_field_of_its_own_may_say_which_block_it_is() -> None:
    raw = as_json({"ts": TIME, "msg": "sent", "request": {"id": "7f3"}, "user": "a"})
    reader = new_reader(block_pattern='"request":\\{"id":"([^"]+)"')
    [inner] = reader.open(raw)
    assert reader.blocks.ids(inner.line) == [b"7f3"]
    assert "<block>" in reader.read(inner.line).text


def test_a_message_may_hold_many_lines_and_each_is_one() -> None:
    for envelope in (otlp, loki):
        inners = new_reader().open(envelope(PLAIN, BARE))
        assert [inner.source for inner in inners] == ["dn1", "dn1"]
        assert [new_reader().read(inner.line).time for inner in inners] == [TIME, TIME]


def shared(width: int, number: int, **text: str) -> bytes:
    """OTLP with an attribute that is so long, and so many records, which all of them share it."""
    long = [{"key": "note", "value": {"stringValue": " ".join(f"blk_{n}" for n in range(width))}}]
    records = [{"body": {"stringValue": "x"}, **text}] * number
    return as_json(
        {"resourceLogs": [{"resource": {"attributes": long}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]}
    )


def test_what_lines_share_is_not_read_once_a_line() -> None:
    read: list[int] = []

    def named(text: bytes) -> list[bytes]:
        read.append(len(text))
        return []

    raw = shared(4_000, 1_000)
    opened = Opener("auto", UTC, lambda line: False, named).open(raw)
    assert len(opened) == 1_000
    assert sum(read) < 4 * len(raw)


def test_an_envelope_whose_lines_would_be_many_times_as_long_as_itself_is_refused() -> None:
    with pytest.raises(BadLine, match="times as long") as bad:
        new_reader().open(shared(4_000, 1_000))
    assert bad.value.reason == "too_long"
    [*_, last] = new_reader().open(shared(3, 1_000))
    assert last.line == b"x blk_0 blk_1 blk_2"


@pytest.mark.parametrize("name", ["stack_trace", "level", "host", "log"])
def test_a_field_that_lines_share_is_short(name: str) -> None:
    raw = as_json({"streams": [{"stream": {name: "x" * 20_000}, "values": [[NS, "blk_1"]] * 1_000}]})
    assert {line.line for line in new_reader().open(raw)} == {b"2023-10-10T08:02:30.123Z blk_1"}


@pytest.mark.parametrize(
    "raw",
    [b"{", b'{"a": 1}', b"[{}]", b'{"message": ""}', b"<13>", b"<13>Oct 99 dn1 blk", b"{" * 60_000, b'{"log":{}}'],
)
def test_what_looks_like_an_envelope_and_is_none_is_refused_if_it_names_a_block_and_else_counted(raw: bytes) -> None:
    with pytest.raises(BadLine) as bad:
        new_reader().open(raw)
    assert bad.value.reason == "envelope"
    assert Log(new_reader()).messages(raw) == []
    with pytest.raises(BadLine):
        Log(new_reader()).messages(raw + b" blk_1")


def test_a_forced_form_takes_that_one_and_no_other() -> None:
    messages = {"raw": PLAIN.encode(), "json": filebeat(PLAIN), "syslog": b"<1>Oct  9 22:14:15 a b: " + PLAIN.encode()}
    messages["cri"] = b"2023-10-10T08:02:30.123456789Z stdout F " + PLAIN.encode()
    assert set(FORMS) == {"auto", *messages}
    for form in messages:
        driver = Driver(Settings(format=form)).run(*messages.values()).pass_time(60 * 86_400)
        lines = 2 if form == "raw" else 1  # a container's line begins with a time of its own
        assert [event["lines"] for event in driver.closed()] == [lines]
        assert len(driver.dead_letters()) == 4 - lines


# ── the daemon ──


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("form", ENVELOPES)
def test_an_envelope_makes_the_window_that_its_line_makes(form: str, keyed: bool) -> None:
    events = []
    for line in (PLAIN.encode(), ENVELOPES[form](PLAIN)):
        driver = Driver(Settings(keyed_input=keyed))
        driver.send(line, key="blk_1")
        events.append(driver.pass_time(60 * 86_400).closed())
    assert events[0] == events[1]
    assert len(events[0]) == 1


def test_a_dead_letter_is_the_untouched_envelope_and_of_many_lines_the_bad_one_alone() -> None:
    bad = f"no time of its own {BARE}"
    envelope = as_json({"message": bad})
    driver = Driver().run(envelope, as_json([{"message": bad}, {"message": PLAIN}]))
    assert [letter.value() for letter in driver.dead_letters()] == [envelope, bad.encode()]
    assert [dict(letter.headers() or [])["reason"] for letter in driver.dead_letters()] == [b"timestamp"] * 2


# ── stack traces ──

TRACE = b"""\
2023-10-10 08:02:30,123 WARN  datanode.DataNode (DataXceiver.java:run(12)) - Got exception while serving blk_1
java.io.IOException: Connection reset by peer
\tat sun.nio.ch.FileDispatcherImpl.read0(Native Method)
\tat org.apache.hadoop.net.SocketInputStream.read(SocketInputStream.java:161)
Caused by: java.net.SocketException: broken pipe
\tat java.net.SocketOutputStream.write(SocketOutputStream.java:99)
\t... 12 more
2023-10-10 08:02:31,123 INFO  datanode.DataNode (DataXceiver.java:run(12)) - Receiving blk_2
java.io.IOException: of another block
2023-10-10 08:02:32,123 INFO  datanode.DataNode (DataXceiver.java:run(12)) - Receiving blk_1""".split(b"\n")
JOINED = [b"\n".join(TRACE[:7]), b"\n".join(TRACE[7:9]), TRACE[9]]
WARNED = (
    "WARN datanode.DataNode: Got exception while serving <block> java.io.IOException: Connection reset by peer "
    "at sun.nio.ch.FileDispatcherImpl.read(Native Method) Caused by: java.net.SocketException: broken pipe "
    "at java.net.SocketOutputStream.write(SocketOutputStream.java:)"
)


def windows(lines: list[bytes]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for window in windows_of(lines):
        yield window.block_id, window.texts


def test_a_trace_belongs_to_the_line_before_it_and_keeps_what_was_thrown_and_where() -> None:
    found = dict(windows(TRACE))
    assert found["blk_1"] == (WARNED, "datanode.DataNode: Receiving <block>")
    assert found["blk_2"] == ("datanode.DataNode: Receiving <block> java.io.IOException: of another block",)


def test_a_trace_in_one_message_makes_the_same_windows_as_line_by_line() -> None:
    assert dict(windows(TRACE)) == dict(windows(JOINED))
    assert dict(windows(TRACE)) == dict(windows([filebeat(line.decode()) for line in TRACE]))


def test_lines_of_a_trace_are_counted_and_are_no_dead_letters() -> None:
    counts = Counts()
    list(windows_of(TRACE, counts=counts))
    assert (counts.lines, counts.continued, counts.no_block, counts.bad) == (10, 7, 0, {})


def judged(driver: Driver) -> list[tuple[object, ...]]:
    events = driver.pass_time(60 * 86_400).closed()
    return sorted((event["block_id"], event["lines"], event["score"], event["first_time"]) for event in events)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
@pytest.mark.parametrize("crash", range(0, 11, 2))
def test_the_daemon_joins_traces_wherever_a_commit_falls_and_whatever_is_lost(batch: int, crash: int) -> None:
    expected = judged(Driver().run(*JOINED))
    driver = Driver()
    driver.run(*TRACE[:crash], batch=batch)
    driver.send(*TRACE[crash:])
    driver.read(("hdfs.raw", 0))
    driver.crash()
    driver.settle(batch)
    assert judged(driver) == expected
    assert driver.dead_letters() == []


def test_two_hosts_that_tell_the_same_at_the_same_time_keep_their_traces_apart() -> None:
    driver = Driver(sources=2)
    for line in TRACE[:7]:
        driver.send(line, partition=0)
    driver.send(TRACE[0], partition=1)
    driver.send(b"java.io.EOFException: short", partition=1)
    driver.settle(batch=1)
    [event] = driver.pass_time(60 * 86_400).closed()
    short = "WARN datanode.DataNode: Got exception while serving <block> java.io.EOFException: short"
    assert event["lines"] == 2
    assert {entry["text"] for entry in event["evidence"]} == {WARNED, short}


def test_a_line_of_another_host_ends_no_trace_of_this_one_wrongly() -> None:
    def of(host: str, line: bytes) -> bytes:
        return as_json({"host": host, "message": line.decode(), "@timestamp": TIME})

    lines = [of("a", TRACE[0]), of("b", TRACE[1])]
    assert dict(windows(lines)) == {"blk_1": ("WARN datanode.DataNode: Got exception while serving <block>",)}


def test_a_trace_is_evidence_with_the_place_of_its_first_line() -> None:
    driver = Driver().run(*TRACE[:7])
    [event] = driver.pass_time(60 * 86_400).closed()
    [evidence] = [entry for entry in event["evidence"] if "exception" in entry["text"]]
    assert evidence["text"] == WARNED
    assert evidence["source"] == ["hdfs.lines", 0, 0]
