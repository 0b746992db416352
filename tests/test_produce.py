"""``tinylogbert produce`` and the sender behind it: every byte, labels, pacing, what is not delivered."""

import gzip
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command
from confluent_kafka.admin import AdminClient, NewTopic
from pipeline import line, new_settings, read_topic, wait_until, wait_until_led

from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.sender import Sender, labelled
from stream.settings import Settings

PRODUCE = [sys.executable, "-m", "stream", "produce"]


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.fixture
def settings(broker: str) -> Settings:
    return new_settings(broker, partitions=1)


def to(settings: Settings) -> list[str]:
    return ["--bootstrap-servers", settings.bootstrap_servers, "--topic", settings.raw_topic]


def values(settings: Settings) -> list[bytes | None]:
    return [message.value() for message in read_topic(settings, settings.raw_topic)]


def test_every_line_is_one_message_without_key_and_every_byte_is_kept(
    settings: Settings, command: Command, tmp_path: Path
) -> None:
    lines = [line(1, "Receiving block blk_1"), b"\xff\x00 no text\r", b"   ", line(2, "the last one has no line end")]
    plain, packed = tmp_path / "a.log", tmp_path / "b.log.gz"
    plain.write_bytes(b"\n".join(lines[:2]) + b"\n\n\n")
    packed.write_bytes(gzip.compress(b"\n".join(lines[2:])))
    ran = command("produce", *to(settings), plain, packed)
    assert (ran.code, ran.out) == (0, b"")
    assert values(settings) == lines
    assert all(m.key() is None and m.headers() is None for m in read_topic(settings, settings.raw_topic))
    size = sum(map(len, lines))
    assert ran.err.startswith(f"4 lines ({size / 1e6:,.1f} MB, ")
    assert ran.err.endswith(f" lines/s, 2 empty ones skipped) sent to {settings.raw_topic}\n")


def test_lines_of_a_pipe_are_sent_as_they_come(settings: Settings) -> None:
    with subprocess.Popen([*PRODUCE, *to(settings), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"first\nsec")
        process.stdin.flush()
        wait_until(lambda: values(settings) == [b"first"], "the first line is there")
        process.stdin.write(b"ond\n")
        process.stdin.close()
        assert process.wait(60) == 0
    assert values(settings) == [b"first", b"second"]


def test_ctrl_c_delivers_what_was_sent_and_says_how_much(settings: Settings) -> None:
    with subprocess.Popen([*PRODUCE, *to(settings), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"first\nsecond\nthi")
        process.stdin.flush()
        wait_until(lambda: len(values(settings)) == 2, "two lines are there")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().startswith(b"interrupted: 2 lines (")


# ── labels ──


def test_lines_of_labelled_blocks_carry_the_label_as_a_header(
    settings: Settings, command: Command, tmp_path: Path
) -> None:
    log, labels = tmp_path / "hdfs.log", tmp_path / "labels.csv"
    log.write_bytes(b"blk_1\nblk_2\nblk_3\nnone\nblk_1 and blk_2\nblk_1 and blk_3\nblk_1 blk_4\n")
    labels.write_text("BlockId,Label,Failure\nblk_1,Normal,\nblk_2,Anomaly,lost\nblk_4,0,\n")
    assert command("produce", *to(settings), "--labels", labels, log).code == 0
    found = {m.value(): m.headers() for m in read_topic(settings, settings.raw_topic)}
    normal, anomalous = [("label", b"0")], [("label", b"1")]
    assert found == {
        b"blk_1": normal,
        b"blk_2": anomalous,
        b"blk_3": None,
        b"none": None,
        b"blk_1 and blk_2": anomalous,
        b"blk_1 and blk_3": normal,
        b"blk_1 blk_4": normal,
    }


def test_labels_that_cannot_be_read_send_nothing(settings: Settings, command: Command, tmp_path: Path) -> None:
    log, labels = tmp_path / "hdfs.log", tmp_path / "labels.csv"
    log.write_bytes(b"blk_1\n")
    labels.write_text("BlockId,Label\nblk_1,Odd\n")
    ran = command("produce", *to(settings), "--labels", labels, log)
    assert (ran.code, ran.err) == (
        1,
        f"error: {labels}, line 2: label 'Odd' is unknown; it must be Normal, Anomaly, 0 or 1\n",
    )
    assert values(settings) == []


# ── keys ──


def test_keyed_input_is_one_message_for_each_block(settings: Settings, command: Command, tmp_path: Path) -> None:
    log = tmp_path / "hdfs.log"
    log.write_bytes(b"to delete blk_1 blk_2 blk_1\nnone\n")
    ran = command("produce", *to(settings), "--keyed-input", log)
    assert ran.err.startswith("2 lines (")
    found = [(m.key(), m.value()) for m in read_topic(settings, settings.raw_topic)]
    both = b"to delete blk_1 blk_2 blk_1"
    assert found == [(b"blk_1", both), (b"blk_2", both), (None, b"none")]


# ── pace ──


class Time:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def sent_at(settings: Settings, lines: list[bytes], speed: float) -> list[float]:
    """When each line was asked for, in s since the first: the one before it had just been sent."""
    time = Time()
    asked: list[float] = []

    def watched() -> Iterator[tuple[bytes, None]]:
        for raw in [*lines, b"done"]:
            asked.append(time.now - 1000)
            yield raw, None

    sender = Sender(settings, settings.raw_topic, speed, clock=time.clock, sleep=time.sleep)
    sender.send(watched())
    sender.flush()
    assert max(time.slept, default=0) <= 0.1  # it looks up often enough for a progress bar and a stop
    return [round(moment, 6) for moment in asked[1:]]


def test_lines_without_a_key_fill_all_partitions_alike_however_short_the_log(broker: str) -> None:
    settings = new_settings(broker, partitions=4)
    wait_until_led(new_admin(settings), settings.raw_topic, settings.partitions)
    sender = Sender(settings, settings.raw_topic)
    sender.send((b"line %d" % number, None) for number in range(10))
    sender.flush()
    partitions = Counter(message.partition() for message in read_topic(settings, settings.raw_topic))
    assert partitions == {0: 3, 1: 3, 2: 2, 3: 2}


def test_at_a_speed_lines_keep_the_distances_of_the_logs_clock(settings: Settings) -> None:
    lines = [line(0, "a"), line(60, "b"), b"without a time", line(30, "out of order"), line(180, "c")]
    assert sent_at(settings, lines, speed=60) == [0, 1, 1, 1, 3]
    assert sent_at(settings, lines, speed=1) == [0, 60, 60, 60, 180]
    assert values(settings)[:5] == lines


def test_a_slow_reader_catches_up_with_the_logs_clock(settings: Settings) -> None:
    time = Time()

    def slow() -> Iterator[tuple[bytes, None]]:
        yield line(0, "a"), None
        time.now += 5
        yield line(2, "late by three seconds"), None
        yield line(6, "in time again"), None

    Sender(settings, settings.raw_topic, 1, clock=time.clock, sleep=time.sleep).send(slow())
    assert time.now == pytest.approx(1006)


def test_stop_ends_a_long_wait(settings: Settings) -> None:
    time = Time()
    sender = Sender(settings, settings.raw_topic, 1, lambda: sender.stop(), time.clock, time.sleep)
    sender.send([(line(0, "a"), None), (line(86_400, "a day later"), None)])
    sender.flush()
    assert (sender.lines, values(settings)) == (1, [line(0, "a")])
    assert time.now - 1000 < 1


# ── failures ──


def test_what_the_broker_refuses_is_counted_and_exits_with_1(broker: str, command: Command, tmp_path: Path) -> None:
    settings = new_settings(broker, create=False, partitions=1)
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    topic = NewTopic(settings.raw_topic, 1, 1, config={"max.message.bytes": "2000"})
    admin.create_topics([topic])[settings.raw_topic].result(30)
    log = tmp_path / "hdfs.log"
    log.write_bytes(random.Random(1).randbytes(9_000).replace(b"\n", b" ") + b"\n")
    ran = command("produce", *to(settings), log)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("error: 1 messages were not delivered; the last one: ")
    assert values(settings) == []


def test_a_line_of_16_mib_passes(settings: Settings, command: Command, tmp_path: Path) -> None:
    log = tmp_path / "hdfs.log"
    huge = random.Random(1).randbytes(16 * 1024 * 1024 - 1000).replace(b"\n", b" ").replace(b"\x1f", b" ")
    log.write_bytes(huge + b"\n")
    assert command("produce", *to(settings), log).code == 0
    assert values(settings) == [huge]


def test_a_broker_that_takes_no_line_ends_the_sending(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"bootstrap_servers": "localhost:1", "kafka": {"message.timeout.ms": "300"}})
    sender = Sender(nowhere, "any")
    sender.send([(b"a line", None)])
    with pytest.raises(BrokerError, match=r"Kafka at localhost:1 took no line for .*1 lines were handed over"):
        sender.flush()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--topic", "no-such-topic", "FILE"], 1, "error: there is no topic no-such-topic; create the topics: "),
        (["no-such-file"], 1, "error: cannot read no-such-file: No such file or directory\n"),
        (["CUT"], 1, "error: cannot unpack "),
        (["--speed", "0", "FILE"], 2, "'0' is neither max nor a number above 0"),
        (["--speed", "fast", "FILE"], 2, "'fast' is neither max nor a number above 0"),
        ([], 2, "Missing argument 'FILE...'"),
    ],
)
def test_what_cannot_be_sent_is_one_clear_line(
    settings: Settings, command: Command, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "FILE").write_bytes(b"a line\n")
    (tmp_path / "CUT").write_bytes(gzip.compress(random.Random(1).randbytes(1_000))[:-50])
    places = [str(tmp_path / text) if text in ("FILE", "CUT") else text for text in arguments]
    ran = command("produce", *to(settings), *places)
    assert ran.code == code
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_labels_cost_no_copy_of_a_line() -> None:
    raw = b"blk_1"
    assert [found is raw for found, _ in labelled([raw], {"blk_1": True})] == [True]


def test_help_shows_an_example(command: Command) -> None:
    assert b"tinylogbert produce --speed 60 hdfs.log" in command("produce", "--help").out
