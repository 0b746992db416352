"""The whole pipeline through a real broker: what goes into the raw topic, and what comes out of the others."""

import io
import json
import random
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from pipeline import (
    ContentScorer,
    all_read,
    assert_same_windows,
    closed_windows,
    committed,
    expected,
    far_later,
    line,
    meant,
    new_settings,
    read_events,
    read_topic,
    refused,
    running,
    said,
    send,
    send_keyed,
    until_closed,
    wait_until,
)

from stream.errors import BrokerError, InputError
from stream.kafka.figures import Figures
from stream.kafka.worker import Worker
from stream.lines import block_ids
from stream.settings import Settings
from stream.simulator import simulate

SCORER = ContentScorer()
HEADERS = ("reason", "error", "source_topic", "source_partition", "source_offset")


def test_lines_through_kafka_have_the_windows_and_scores_that_they_have_in_a_file(broker: str) -> None:
    settings = new_settings(broker)
    several = [
        line(1, "BLOCK* ask 10.0.0.1:50010 to delete  blk_7 blk_8"),
        line(2, "Receiving block blk_8 src: /10.0.0.3:40000 dest: /10.0.0.1:50010"),
        line(2, "Deleting block blk_7 file /data/current/blk_7"),
    ]
    lines = [*several, *simulate(60, seed=3).lines(), far_later()]
    send(settings, lines)
    with running(settings, SCORER):
        until_closed(settings, lines, SCORER)
    found = assert_same_windows(settings, lines, SCORER)
    assert (found["blk_7", 1]["lines"], found["blk_8", 1]["lines"]) == (2, 2)
    assert any(event["anomalous"] for event in found.values())


def test_the_anomalies_topic_has_the_anomalous_events_with_their_evidence(broker: str) -> None:
    settings = new_settings(broker)
    lines = [*simulate(60, seed=4).lines(), far_later()]
    send(settings, lines)
    with running(settings, SCORER):
        until_closed(settings, lines, SCORER)
    events = read_events(settings)
    anomalies = read_events(settings, settings.anomalies_topic)
    order = lambda event: (event["block_id"], event["part"], event["revision"])  # noqa: E731
    assert sorted(anomalies, key=order) == sorted((e for e in events if e["anomalous"]), key=order)
    raw_of = {(m.topic(), m.partition(), m.offset()): m.value() for m in read_topic(settings, settings.lines_topic)}
    for event in anomalies:
        (evidence,) = event["evidence"]
        assert event["block_id"].encode() in (raw_of[tuple(evidence["source"])] or b"")
    assert all(event["evidence"] == [] for event in events if not event["anomalous"])


def test_what_cannot_be_read_becomes_a_dead_letter_byte_for_byte(broker: str) -> None:
    settings = new_settings(broker)
    huge = line(5, "Receiving block blk_1 " + "x" * (1 << 20))
    latin = line(6, "Receiving block blk_1 of user ") + b"M\xfcller\r"
    timeless = b"at no time at all, blk_1 and blk_2 are gone"
    blockless = line(7, "a line that names no block")
    send(settings, [line(4, "Receiving block blk_1"), huge, latin, timeless, blockless, b"", far_later()])
    with running(settings, SCORER) as worker:
        wait_until(lambda: len(read_topic(settings, settings.dead_letter_topic)) >= 3, "the dead letters are there")
        wait_until(lambda: closed_windows(settings), "the window of what can be read is closed")
        assert worker.route
        assert (worker.route.dead, worker.route.no_block) == (3, 2)
    letters = read_topic(settings, settings.dead_letter_topic)
    raws = {(m.partition(), m.offset()): m.value() for m in read_topic(settings, settings.raw_topic)}
    assert {header(m, "reason"): m.value() for m in letters} == {
        b"too_long": huge,
        b"encoding": latin,
        b"timestamp": timeless,
    }
    for letter in letters:
        assert tuple(name for name, _ in letter.headers() or ()) == HEADERS
        assert header(letter, "source_topic") == settings.raw_topic.encode()
        source = (int(header(letter, "source_partition")), int(header(letter, "source_offset")))
        assert raws[source] == letter.value()
    assert closed_windows(settings)["blk_1", 1]["lines"] == 1


def header(message: Message, name: str) -> bytes:
    value = dict(message.headers() or [])[name]
    assert isinstance(value, bytes)
    return value


def test_a_line_of_16_mib_is_dead_lettered_whole(broker: str) -> None:
    settings = new_settings(broker)
    largest = random.Random(1).randbytes(16 * 1024 * 1024 - 200)
    send(settings, [largest])
    with running(settings, SCORER):
        wait_until(lambda: read_topic(settings, settings.dead_letter_topic), "the dead letter is there")
    (letter,) = read_topic(settings, settings.dead_letter_topic)
    assert letter.value() == largest


def test_a_label_goes_with_its_line_and_no_other_header_does(broker: str) -> None:
    settings = new_settings(broker)
    send(settings, [line(1, "Receiving block blk_1")], headers=[("trace", b"x" * 100), ("label", b"1")])
    with running(settings, SCORER):
        wait_until(lambda: routed(settings), "the line is routed")
    (message,) = routed(settings)
    assert (message.key(), message.headers()) == (b"blk_1", [("label", b"1")])


def routed(settings: Settings) -> list[Message]:
    return [message for message in read_topic(settings, settings.lines_topic) if message.key() is not None]


def test_a_quiet_block_is_scored_before_it_is_closed(broker: str) -> None:
    settings = new_settings(broker)
    send(settings, [line(0, "Receiving block blk_1"), line(100, "Receiving block blk_2")])
    with running(settings, SCORER):
        wait_until(lambda: read_events(settings), "a provisional score")
    (event,) = read_events(settings)
    assert (event["block_id"], event["status"], event["reason"]) == ("blk_1", "open", "quiet")


def test_when_traffic_ends_the_wall_clock_goes_on_for_live_windows(broker: str) -> None:
    settings = new_settings(broker, quiet_after="1s", close_after="2s", lateness="1ms")
    send(settings, [line(0, "Receiving block blk_1")])
    with running(settings, SCORER):
        wait_until(lambda: closed_windows(settings), "the only window is closed")
    [event] = closed_windows(settings).values()
    assert (event["block_id"], event["reason"], event["lines"]) == ("blk_1", "silence", 1)


# ── restarts, rebalances, failures ──


def test_a_restart_in_the_middle_changes_no_window(broker: str) -> None:
    settings = new_settings(broker)
    lines = [*simulate(60, seed=5).lines(), far_later()]
    for part in (lines[:500], lines[500:900], lines[900:]):
        send(settings, part)
        before = sum(committed(settings, settings.lines_topic))
        with running(settings, SCORER):
            wait_until(lambda: all_read(settings), "everything is read")
        assert sum(committed(settings, settings.lines_topic)) > before
    with running(settings, SCORER):
        until_closed(settings, lines, SCORER)
    assert_same_windows(settings, lines, SCORER)


def test_workers_that_come_and_go_change_no_window(broker: str) -> None:
    # Two workers tell of their raw partitions one after the other: for a moment event time may be hours ahead here.
    settings = new_settings(broker, partitions=4, close_after="40h")
    lines = [*simulate(80, seed=6).lines(), far_later()]
    third = len(lines) // 3
    send(settings, lines[:third])
    with running(settings, SCORER) as first:
        wait_until(lambda: all_read(settings), "the first third is read")
        with running(settings, SCORER) as second:
            wait_until(lambda: second.holds, "the second worker gets partitions")
            send(settings, lines[third : 2 * third])
            wait_until(lambda: all_read(settings), "the second third is read")
            assert second.route
            assert second.score
            assert second.route.lines + second.score.lines > 0
        wait_until(lambda: first.holds == 8, "the first worker has all of them again")
        send(settings, lines[2 * third :])
        until_closed(settings, lines, SCORER)
    assert_same_windows(settings, lines, SCORER)


def test_an_aborted_transaction_is_read_again_and_nothing_is_doubled(broker: str) -> None:
    settings = new_settings(broker)
    limit_dead_letters(settings, 2_000)
    lines = [*simulate(30, seed=7).lines(), far_later()]
    send(settings, lines[:100])
    send(settings, [b"\xff" + random.Random(1).randbytes(8_000)])  # the broker refuses its dead letter: an abort
    send(settings, lines[100:])
    with running(settings, SCORER) as worker:
        wait_until(lambda: worker.aborts, "a transaction is aborted")
        limit_dead_letters(settings, 1_000_000)
        until_closed(settings, lines, SCORER)
    assert_same_windows(settings, lines, SCORER)
    assert len(read_topic(settings, settings.dead_letter_topic)) == 1
    assert len(routed(settings)) == sum(len(window.texts) for window, _ in expected(lines, SCORER, settings).values())


def test_at_least_once_gives_the_same_windows_where_nothing_breaks(broker: str) -> None:
    settings = new_settings(broker, guarantee="at-least-once")
    lines = [*simulate(40, seed=9).lines(), far_later()]
    send(settings, lines)
    with running(settings, SCORER):
        until_closed(settings, lines, SCORER)
    with running(settings, SCORER) as worker:
        wait_until(lambda: worker.holds == 6 and all_read(settings), "a second worker goes on behind the first")
    assert_same_windows(settings, lines, SCORER)


def test_at_least_once_reads_again_what_could_not_be_sent(broker: str) -> None:
    settings = new_settings(broker, guarantee="at-least-once")
    limit_dead_letters(settings, 2_000)
    lines = [*simulate(20, seed=10).lines(), far_later()]
    bad = b"\xff" + random.Random(1).randbytes(8_000)
    send(settings, [*lines[:50], bad, *lines[50:]])
    with running(settings, SCORER) as worker:
        wait_until(lambda: worker.aborts, "the broker refuses the dead letter")
        limit_dead_letters(settings, 1_000_000)
        wait_until(lambda: all_read(settings), "it is read again, and what follows")
    assert {message.value() for message in read_topic(settings, settings.dead_letter_topic)} == {bad}
    named = {raw for raw in lines if block_ids(raw)}
    assert {message.value() for message in routed(settings)} == named


def test_what_is_aborted_again_and_again_ends_the_worker_and_commits_nothing(broker: str) -> None:
    settings = new_settings(broker)
    limit_dead_letters(settings, 2_000)
    send(settings, [b"\xff" + random.Random(1).randbytes(8_000)])
    says = f"5 transactions in a row .*{settings.dead_letter_topic} does not take .*max.message.bytes"
    with refused(BrokerError, says), running(settings, SCORER) as worker:
        wait_until(lambda: worker.ended, "the worker ends")
    assert committed(settings, settings.raw_topic) == [0, 0, 0]


def limit_dead_letters(settings: Settings, most: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(most), incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ResourceType.TOPIC, settings.dead_letter_topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 0})
    admin.incremental_alter_configs([topic])[topic].result(timeout=30)


def test_raw_partitions_that_are_added_while_it_runs_are_read_too(broker: str) -> None:
    settings = new_settings(broker, partitions=1, kafka={"topic.metadata.refresh.interval.ms": "200"})
    lines = [*simulate(30, seed=14).lines(), far_later()]
    send(settings, lines[:100])
    with running(settings, SCORER) as worker:
        wait_until(lambda: all_read(settings), "the first lines are read")
        admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        admin.create_partitions([NewPartitions(settings.raw_topic, 3)])[settings.raw_topic].result(timeout=30)
        wait_until(lambda: worker.holds == 4, "it holds them")
        for number in range(100, len(lines)):
            send(settings, lines[number : number + 1], partition=number % 3)
        until_closed(settings, lines, SCORER)
        assert worker.route is not None
        assert worker.route.sources == 3
    assert_same_windows(settings, lines, SCORER)


def test_lines_that_kafka_deleted_before_they_were_read_are_counted_in_the_log(broker: str) -> None:
    settings = new_settings(broker, partitions=1)
    send(settings, [line(0, "Receiving block blk_1"), line(1, "Receiving block blk_2")])
    with running(settings, SCORER):
        wait_until(lambda: all_read(settings), "the first lines are read")
    send(settings, [line(2, "Received block blk_1"), line(3, "Received block blk_2"), line(4, "Deleting block blk_3")])
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    place = TopicPartition(settings.raw_topic, 0, 4)
    admin.delete_records([place])[place].result(timeout=30)
    log = io.StringIO()
    with running(settings, SCORER, log=log):
        wait_until(lambda: len(routed(settings)) == 3, "what is left is read")
    words = [json.loads(said) for said in log.getvalue().splitlines()]
    told = [word for word in words if word["event"] == "deleted before it was read"]
    assert [(word["topic"], word["partition"], word["lost"]) for word in told] == [(settings.raw_topic, 0, 2)]


# ── keyed input ──


def test_input_that_is_keyed_by_block_needs_no_route_stage(broker: str) -> None:
    settings = new_settings(broker, keyed_input=True)
    lines = [*simulate(30, seed=8).lines(), far_later()]
    send_keyed(settings, keyed(lines))
    send(settings, [line(3, "names no block")], key=b"host-1")
    with running(settings, SCORER) as worker:
        wait_until(lambda: sum(committed(settings, settings.raw_topic)) == 1 + len(keyed(lines)), "all is read")
        assert worker.route is None
        assert worker.score
        assert worker.score.no_block == 1
        send_keyed(settings, keyed([line(60 * 86_400, f"Receiving block blk_{n}") for n in range(20)]))
        wait_until(lambda: len(closed_windows(settings)) > 25, "windows close")
    found = closed_windows(settings)
    wanted = expected(lines, SCORER, settings)
    assert found
    assert all(said(event) == meant(*wanted[key]) for key, event in found.items())


def keyed(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [(block, raw) for raw in lines for block in block_ids(raw)]


@pytest.mark.parametrize("key", [b"host-1", None])
def test_keyed_input_that_is_not_keyed_by_block_is_refused_and_not_committed(broker: str, key: bytes | None) -> None:
    settings = new_settings(broker, keyed_input=True, partitions=1)
    send(settings, [line(0, "Receiving block blk_1")], key=b"blk_1")
    send(settings, [line(1, "Receiving block blk_2")], key=key)
    for _ in range(2):
        with (
            refused(InputError, r"names block blk_2 .* run without --keyed-input"),
            running(settings, SCORER) as worker,
        ):
            wait_until(lambda: worker.ended, "the worker refuses")
    assert committed(settings, settings.raw_topic) == [0]
    assert read_topic(settings, settings.windows_topic) == []


# ── figures ──


def test_the_figures_come_every_ten_seconds_with_rate_and_lag(broker: str) -> None:
    settings = new_settings(broker)
    lines = [*simulate(30, seed=9).lines(), far_later()]
    send(settings, lines)
    now = 0.0
    log = Recorded()
    made: list[Figures] = []

    def every(worker: Worker) -> None:
        made[:] = made or [Figures(worker, log, clock=lambda: now)]  # type: ignore[arg-type]
        made[0]()

    with running(settings, SCORER, every):
        until_closed(settings, lines, SCORER)
        now = 9.9
        assert log.said == []
        now = 10.0
        wait_until(lambda: log.said, "the figures")
    ((event, fields),) = log.said
    assert (event, fields["lines"], fields["lag"], fields["open_windows"]) == ("figures", len(lines), 0, 1)
    assert fields["lines_per_s"] == round(len(lines) / 10)
    assert fields["scored"] >= 30
    assert list(fields) == [
        *("lines_per_s", "lag", "lines", "no_block", "continued", "dead_letters", "jumps", "aborted"),
        *("open_windows", "late", "evicted", "scored", "anomalies", "drift"),
    ]


class Recorded:
    """A log that remembers."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.said.append((event, fields))
