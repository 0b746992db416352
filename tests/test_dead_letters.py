"""``tinylogbert dead-letters``: letters are shown for what they are, and put back once, whatever is killed."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from command import Command, Ran
from confluent_kafka import Message
from confluent_kafka.admin import NewTopic
from driver import FakeMessage
from pipeline import (
    ContentScorer,
    closed_windows,
    far_later,
    line,
    new_producer,
    new_settings,
    read_topic,
    running,
    send,
    wait_until,
)

from stream.kafka.clients import new_admin
from stream.kafka.messages import Headers, Record, dead_letter
from stream.lines import BadLine
from stream.settings import Settings

PROGRAM = (sys.executable, "-m", "stream", "dead-letters")
HOSTILE = b"\x1b[2Jcleared \xc2\x9b31m"
LATIN = b"blk_1 of user M\xfcller"


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.fixture
def settings(broker: str) -> Settings:
    return new_settings(broker)


def letter(
    settings: Settings,
    value: bytes | None,
    offset: int = 0,
    *,
    topic: str | None = None,
    reason: str = "timestamp",
    **more: Any,
) -> Record:
    """The dead letter of a line that lay in partition 1 of the raw topic."""
    place = (topic or settings.raw_topic, 1)
    source = FakeMessage(place, offset, Record(place[0], more.get("key"), value, more.get("headers")))
    return dead_letter(settings.dead_letter_topic, source, BadLine(reason, "it has no time"))


def post(settings: Settings, letters: Iterable[Record]) -> None:
    """Write letters to the dead-letter topic."""
    producer = new_producer(settings)
    for topic, key, value, headers, _ in letters:
        producer.produce(topic, value, key, headers=headers)
        producer.poll(0)
    assert producer.flush(60) == 0


def options(settings: Settings, *more: str) -> list[str]:
    names = ("bootstrap_servers", "raw_topic", "lines_topic", "dead_letter_topic")
    known = {name: getattr(settings, name) for name in names}
    given = [text for name, value in known.items() for text in (f"--{name.replace('_', '-')}", value)]
    return [*given, *more]


def shown(command: Command, settings: Settings, *more: str) -> Ran:
    given = options(settings)
    return command("dead-letters", "show", *given[:2], *given[-2:], *more)


def replayed(command: Command, settings: Settings, *more: str) -> tuple[dict[str, Any], str]:
    """The summary and what was told."""
    ran = command("dead-letters", "replay", *options(settings), *more)
    assert ran.code == 0, ran.err
    return json.loads(ran.out), ran.err


def back(settings: Settings, count: int, topic: str | None = None) -> list[Message]:
    """The messages of the raw topic, or another, as soon as there are so many: the one who commits is told so a moment
    before those who read.
    """
    topic = topic or settings.raw_topic
    wait_until(lambda: len(read_topic(settings, topic)) >= count, f"{count} lines are back")
    return read_topic(settings, topic)


def lines_of(settings: Settings, count: int, topic: str | None = None) -> list[bytes | None]:
    return [message.value() for message in back(settings, count, topic)]


# ── show ──


def test_letters_are_shown_one_a_line_with_nothing_that_a_terminal_would_obey(
    settings: Settings, command: Command
) -> None:
    post(settings, [letter(settings, HOSTILE, 7), letter(settings, LATIN, 8, reason="encoding")])
    ran = shown(command, settings)
    first, second = (row.split("\t") for row in ran.out.decode().splitlines())
    assert first[1:] == ["timestamp", f"{settings.raw_topic}/1/7", "it has no time", r"\x1b[2Jcleared \x9b31m"]
    assert second[1:] == ["encoding", f"{settings.raw_topic}/1/8", "it has no time", r"blk_1 of user M\xfcller"]
    assert (ran.code, ran.err) == (0, f"2 letters in {settings.dead_letter_topic}: 1 timestamp, 1 encoding\n")


def test_only_the_letters_of_the_reasons_that_are_asked_for(settings: Settings, command: Command) -> None:
    post(settings, [letter(settings, b"a"), letter(settings, b"b", reason="encoding"), letter(settings, b"c")])
    assert shown(command, settings, "--reason", "timestamp", "--raw").out == b"a\nc\n"
    assert shown(command, settings, "--reason", "encoding", "--reason", "timestamp", "--raw").out == b"a\nb\nc\n"
    assert shown(command, settings, "--reason", "key").err == f"no dead letters in {settings.dead_letter_topic}\n"


def test_raw_gives_the_untouched_bytes(settings: Settings, command: Command) -> None:
    post(settings, [letter(settings, HOSTILE), letter(settings, LATIN)])
    assert shown(command, settings, "--raw").out == HOSTILE + b"\n" + LATIN + b"\n"


def test_json_holds_everything(settings: Settings, command: Command) -> None:
    label: Headers = [("label", b"1")]
    post(settings, [letter(settings, b"no time", 5, key=b"k", headers=label), letter(settings, LATIN, key=b"\xff")])
    first, second = map(json.loads, shown(command, settings, "--json").out.splitlines())
    assert first.pop("time").endswith("Z")
    source = {"source_topic": settings.raw_topic, "source_partition": "1", "source_offset": "5"}
    assert first == {
        "topic": settings.dead_letter_topic,
        "partition": 0,
        "offset": 0,
        "put_back": False,
        "headers": {"reason": "timestamp", "error": "it has no time", **source, "label": "1"},
        "key": "k",
        "value": "no time",
    }
    assert (second["key"], second["key_base64"], second["value"]) == (None, "/w==", None)
    assert second["value_base64"] == "YmxrXzEgb2YgdXNlciBN/GxsZXI="


def test_what_is_no_letter_is_counted_and_not_shown(settings: Settings, command: Command) -> None:
    post(settings, [Record(settings.dead_letter_topic, None, b"somebody else's"), letter(settings, b"mine")])
    ran = shown(command, settings, "--raw")
    assert ran.out == b"mine\n"
    assert ran.err.endswith("1 timestamp; 1 other record\n")


def test_of_several_partitions_the_newest_letter_comes_last(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    admin = new_admin(settings)
    topic = NewTopic(settings.dead_letter_topic, 3, 1)
    admin.create_topics([topic])[settings.dead_letter_topic].result(30)
    producer = new_producer(settings)
    for n in range(9):
        record = letter(settings, b"%d" % n)
        producer.produce(record.topic, record.value, headers=record.headers, partition=n * 2 % 3, timestamp=1000 + n)
    assert producer.flush(60) == 0
    assert shown(command, settings, "--raw").out.split() == [b"%d" % n for n in range(9)]


def test_a_terminal_gets_two_lines_a_letter_cut_to_its_width(settings: Settings) -> None:
    post(settings, [letter(settings, HOSTILE + b"x" * 500)])
    given = options(settings)
    ours, its = pty.openpty()
    command = [*PROGRAM, "show", *given[:2], *given[-2:]]
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=its, stderr=subprocess.PIPE, env=environment) as process:
        os.close(its)
        screen = b""
        while screen.count(b"\n") < 2:
            screen += os.read(ours, 10_000)
        assert process.wait(60) == 0
    os.close(ours)
    first, second = screen.decode().splitlines()[:2]
    assert first[19:].startswith("  timestamp  raw-")
    assert (len(first), len(second)) == (60, 60)
    assert second.startswith(r"    \x1b[2Jcleared \x9b31mxxx")


@pytest.mark.parametrize("flags", [["--json", "--raw"]])
def test_two_forms_at_once_are_wrong_usage(settings: Settings, command: Command, flags: list[str]) -> None:
    assert shown(command, settings, *flags).code == 2


def test_no_topic_is_one_clear_line(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    ran = shown(command, settings)
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith(f"error: there is no topic {settings.dead_letter_topic}; ")


# ── replay ──


def test_letters_go_back_with_key_bytes_label_and_partition_and_only_once(settings: Settings, command: Command) -> None:
    label: Headers = [("label", b"1")]
    post(
        settings, [letter(settings, LATIN, key=b"k", headers=label), letter(settings, b"b", topic=settings.lines_topic)]
    )
    summary, told = replayed(command, settings)
    assert summary == {
        "dry_run": False,
        "put_back": 2,
        "topics": {settings.raw_topic: 1, settings.lines_topic: 1},
        "reasons": {"timestamp": 2},
        "before": 0,
        "elsewhere": 0,
        "unknown": 0,
    }
    assert told == f"1 letter put back to {settings.raw_topic}\n1 letter put back to {settings.lines_topic}\n"
    for _ in range(2):
        (line_back,) = back(settings, 1)
        found = (line_back.partition(), line_back.key(), line_back.value(), line_back.headers())
        assert found == (1, b"k", LATIN, label)
        assert lines_of(settings, 1, settings.lines_topic) == [b"b"]
        summary, told = replayed(command, settings)
        assert (summary["put_back"], summary["before"]) == (0, 2)
        assert told == "there is nothing to put back; 2 were put back before\n"


def test_what_was_put_back_is_hidden_unless_all_is_asked_for(settings: Settings, command: Command) -> None:
    post(settings, [letter(settings, b"a"), letter(settings, b"b", reason="encoding")])
    replayed(command, settings, "--reason", "encoding")
    ran = shown(command, settings, "--raw")
    assert ran.out == b"a\n"
    assert ran.err.endswith("1 timestamp; 1 more were put back already (--all shows them)\n")
    rows = map(json.loads, shown(command, settings, "--json", "--all").out.splitlines())
    assert [(row["value"], row["put_back"]) for row in rows] == [("a", False), ("b", True)]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(settings: Settings, command: Command) -> None:
    post(settings, [letter(settings, b"a")])
    summary, told = replayed(command, settings, "--dry-run")
    assert (summary["dry_run"], summary["put_back"]) == (True, 1)
    assert told == f"1 letter would be put back to {settings.raw_topic}\n"
    assert lines_of(settings, 0) == []
    assert replayed(command, settings)[0]["put_back"] == 1


def test_what_came_from_elsewhere_stays_unless_a_topic_is_named(settings: Settings, command: Command) -> None:
    post(settings, [letter(settings, b"a", topic="other"), letter(settings, b"b")])
    summary, told = replayed(command, settings)
    assert (summary["put_back"], summary["elsewhere"]) == (1, 1)
    assert "1 letter came from other: left alone; --to TOPIC puts back\n" in told
    assert replayed(command, settings, "--to", settings.lines_topic)[0]["topics"] == {settings.lines_topic: 1}
    assert (lines_of(settings, 1), lines_of(settings, 1, settings.lines_topic)) == ([b"b"], [b"a"])


def test_a_topic_that_holds_no_lines_is_wrong_usage(settings: Settings, command: Command) -> None:
    ran = command("dead-letters", "replay", *options(settings), "--to", settings.dead_letter_topic)
    assert ran.code == 2


def test_repaired_letters_go_back_as_they_are_in_the_file_and_no_others(
    settings: Settings, command: Command, tmp_path: Path
) -> None:
    post(settings, [letter(settings, b"bad 0", key=b"k"), letter(settings, b"bad 1"), letter(settings, LATIN)])
    rows = [json.loads(row) for row in shown(command, settings, "--json").out.splitlines()]
    rows[0]["value"] = "mended"
    file = tmp_path / "letters.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in (rows[0], rows[2])))
    assert replayed(command, settings, "--repaired", str(file))[0]["put_back"] == 2
    assert Counter((m.key(), m.value()) for m in back(settings, 2)) == {
        (b"k", b"mended"): 1,
        (None, LATIN): 1,
    }
    summary, told = replayed(command, settings, "--repaired", str(file))
    assert (summary["put_back"], summary["before"]) == (0, 2)
    assert told.startswith("letter 0/0 was put back before\nletter 0/2 was put back before\n")


def test_a_repaired_letter_that_is_not_there_is_named_and_the_others_go_back(
    settings: Settings, command: Command, tmp_path: Path
) -> None:
    post(settings, [letter(settings, b"bad")])
    file = tmp_path / "letters.jsonl"
    file.write_text("".join(f'{{"partition": 0, "offset": {n}, "value": "good"}}\n' for n in (0, 99)))
    ran = command("dead-letters", "replay", *options(settings), "--repaired", file)
    assert ran.code == 1
    assert (json.loads(ran.out)["put_back"], json.loads(ran.out)["unknown"]) == (1, 1)
    assert ran.err.endswith(f"error: 1 repaired letter is not in {settings.dead_letter_topic}: 0/99\n")
    assert lines_of(settings, 1) == [b"good"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "line 1: no JSON: "),
        ('{"partition": 0, "offset": 0}', "line 1: no letter as "),
        ('{"topic": "other", "partition": 0, "offset": 0, "value": ""}', "line 1: a letter of other, not of "),
        ('{"partition": 0, "offset": 0, "value": null, "value_base64": "?"}', "line 1: "),
        ('{"partition": 0, "offset": 0, "value": ""}\n' * 2, "line 2: letter 0/0 is there twice"),
    ],
)
def test_a_file_that_holds_no_letters_is_refused_before_anything_is_done(
    settings: Settings, command: Command, tmp_path: Path, text: str, why: str
) -> None:
    post(settings, [letter(settings, b"bad")])
    file = tmp_path / "letters.jsonl"
    file.write_text(text)
    ran = command("dead-letters", "replay", *options(settings), "--repaired", file)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {file}, {why}")
    assert lines_of(settings, 0) == []


def test_a_running_daemon_reads_repaired_lines_and_writes_a_new_letter_for_what_it_still_cannot_read(
    settings: Settings, command: Command, tmp_path: Path
) -> None:
    good = line(1, "Receiving block blk_1")
    with running(settings, ContentScorer()):
        send(settings, [b"no time: " + good, b"hopeless blk_2"])
        wait_until(lambda: len(read_topic(settings, settings.dead_letter_topic)) == 2, "the dead letters are there")
        rows = [json.loads(row) for row in shown(command, settings, "--json").out.splitlines()]
        for row in rows:
            row["value"] = row["value"].removeprefix("no time: ")
        file = tmp_path / "letters.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)))
        assert replayed(command, settings, "--repaired", str(file))[0]["put_back"] == 2
        wait_until(lambda: len(read_topic(settings, settings.dead_letter_topic)) == 5, "a new letter, two receipts")
        send(settings, [far_later()])
        wait_until(lambda: closed_windows(settings), "the window of the repaired line is closed")
    assert closed_windows(settings)["blk_1", 1]["lines"] == 1
    assert shown(command, settings, "--raw").out == b"hopeless blk_2\n"


def test_a_letter_that_the_topic_does_not_take_is_named_and_nothing_is_half_done(
    settings: Settings, command: Command, create_topic: Callable[..., str]
) -> None:
    post(settings, [letter(settings, b"small"), letter(settings, os.urandom(5_000))])
    narrow = create_topic("narrow", config={"max.message.bytes": "1000"})
    wait_until(lambda: narrow in new_admin(settings).list_topics(timeout=30).topics, "the topic is known")
    ran = command("dead-letters", "replay", *options(settings), "--to", narrow)
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: Kafka refuses: "), ran.err
    assert "(letter 0/1; what is committed stays, " in ran.err
    assert lines_of(settings, 0, narrow) == []
    assert replayed(command, settings)[0]["put_back"] == 2


# ── whatever is killed, and whoever else does it ──

MANY = 8_000


def many(settings: Settings) -> list[bytes]:
    values = [b"letter %d" % n for n in range(MANY)]
    post(settings, (letter(settings, value, n) for n, value in enumerate(values)))
    return values


def replaying(settings: Settings) -> "subprocess.Popen[bytes]":
    command = [*PROGRAM, "replay", *options(settings)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def some_back(settings: Settings, more_than: int) -> bool:
    return len(read_topic(settings, settings.raw_topic)) > more_than


def test_killed_in_the_midst_and_begun_again_each_letter_is_back_once(settings: Settings, command: Command) -> None:
    values = many(settings)
    for _ in range(2):
        before = len(read_topic(settings, settings.raw_topic))
        with replaying(settings) as process:
            wait_until(lambda before=before: some_back(settings, before), "some letters are back")
            process.kill()
    summary, _ = replayed(command, settings)
    assert 0 < summary["put_back"] < MANY, "nothing was killed in the midst"
    assert summary["put_back"] + summary["before"] == MANY
    assert sorted(lines_of(settings, MANY)) == sorted(values)


def test_of_two_at_the_same_time_the_later_one_does_the_rest_and_nothing_is_doubled(
    settings: Settings, command: Command
) -> None:
    values = many(settings)
    with replaying(settings) as first:
        wait_until(lambda: some_back(settings, 0), "some letters are back")
        first.send_signal(signal.SIGSTOP)
        summary, _ = replayed(command, settings)
        first.send_signal(signal.SIGCONT)
        _, told = first.communicate(timeout=60)
    assert 0 < summary["put_back"] < MANY
    assert summary["put_back"] + summary["before"] == MANY
    assert first.returncode == 1
    assert told.startswith(
        f"error: somebody else has begun to put back letters of {settings.dead_letter_topic};".encode()
    )
    assert sorted(lines_of(settings, MANY)) == sorted(values)
