"""``tinylogbert tail`` as processes: in a pipe, on a terminal, under ``head``; it leaves no trace in Kafka."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import pytest
from command import Command
from confluent_kafka.admin import AdminClient
from pipeline import new_producer, new_settings, wait_until
from test_show import event

from stream.settings import Settings

TAIL = [sys.executable, "-m", "stream", "tail"]


@pytest.fixture
def settings(broker: str) -> Settings:
    return new_settings(broker)


def publish(settings: Settings, *values: bytes, topic: str | None = None) -> None:
    producer = new_producer(settings)
    for value in values:
        producer.produce(topic or settings.anomalies_topic, value, partition=0)
    assert producer.flush(60) == 0


def events(*blocks: str, **changed: Any) -> list[bytes]:
    return [orjson.dumps(event(block_id=block, **changed)) for block in blocks]


@contextmanager
def tail(settings: Settings, log: Path, *arguments: str, out: int | IO[bytes] = subprocess.PIPE) -> Iterator[Any]:
    """The command as a process, its stderr in a file."""
    topics = ["--anomalies-topic", settings.anomalies_topic, "--scores-topic", settings.scores_topic]
    command = [*TAIL, "--bootstrap-servers", settings.bootstrap_servers, *topics, *arguments]
    with log.open("wb") as err, subprocess.Popen(command, stdout=out, stderr=err) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_pipe_gets_the_events_untouched_one_a_line(settings: Settings, tmp_path: Path) -> None:
    odd = b'{"more": "\\u001b[2J \xc2\x9b", ' + events("blk_2")[0][1:].replace(b",", b" , ")
    publish(settings, *events("blk_1"), odd)
    with tail(settings, tmp_path / "err", "--from-beginning") as process:
        assert [process.stdout.readline(), process.stdout.readline()] == [*map(line_of, events("blk_1")), odd + b"\n"]
        publish(settings, *events("blk_3"))
        assert process.stdout.readline() == line_of(*events("blk_3"))
    assert (tmp_path / "err").read_bytes() == b""


def line_of(value: bytes) -> bytes:
    return value + b"\n"


def test_without_from_beginning_it_shows_what_comes_from_now_on(settings: Settings, tmp_path: Path) -> None:
    publish(settings, *events("blk_1"))
    with tail(settings, tmp_path / "err") as process:
        hint = f"nothing new in {settings.anomalies_topic} yet; --from-beginning shows what came before; waiting "
        wait_until(lambda: (tmp_path / "err").read_text().startswith(hint), "the hint")
        publish(settings, *events("blk_2"))
        assert process.stdout.readline() == line_of(*events("blk_2"))


def test_it_waits_with_a_hint_where_there_is_nothing_and_follows_all_scores_if_asked(
    settings: Settings, tmp_path: Path
) -> None:
    with tail(settings, tmp_path / "err", "--all", "--from-beginning") as process:
        wait_until(
            lambda: (tmp_path / "err").read_text().startswith(f"{settings.scores_topic} is empty yet;"), "a hint"
        )
        publish(settings, *events("blk_1", anomalous=False, evidence=[]), topic=settings.scores_topic)
        assert json.loads(process.stdout.readline())["block_id"] == "blk_1"


@pytest.mark.parametrize(
    ("least", "shown"), [("normal", "1234"), ("notice", "234"), ("warning", "34"), ("critical", "4")]
)
def test_only_what_is_at_least_so_bad_is_shown(settings: Settings, tmp_path: Path, least: str, shown: str) -> None:
    graded = [*events("1", severity="normal"), *events("2", severity="notice"), *events("3", severity="warning")]
    publish(settings, *graded, *events("4"), topic=settings.scores_topic)
    with tail(settings, tmp_path / "err", "--all", "--from-beginning", "--min-severity", least) as process:
        assert "".join(json.loads(process.stdout.readline())["block_id"] for _ in shown) == shown


def test_what_is_no_event_is_reported_and_skipped(settings: Settings, tmp_path: Path) -> None:
    publish(settings, b"no json", *events("blk_1"), b"{}", b'{\n"more": 1,\n' + events("blk_2")[0][1:])
    with tail(settings, tmp_path / "err", "--from-beginning") as process:
        blocks = [json.loads(process.stdout.readline())["block_id"] for _ in range(2)]
    assert blocks == ["blk_1", "blk_2"]
    first, second = (tmp_path / "err").read_text().splitlines()
    assert first.startswith(f"skipped {settings.anomalies_topic}, partition 0, offset 0: no JSON: ")
    assert second == f"skipped {settings.anomalies_topic}, partition 0, offset 2: fields are missing or of another kind"


@pytest.mark.parametrize("count", [3, 3000])
def test_head_ends_it_in_silence_even_if_nothing_more_comes(settings: Settings, tmp_path: Path, count: int) -> None:
    publish(settings, *events(*(f"blk_{n}" for n in range(count))))
    with tail(settings, tmp_path / "err", "--from-beginning") as process:
        head = subprocess.run(["head", "-n", "3"], stdin=process.stdout, capture_output=True, check=True)
        process.stdout.close()
        assert process.wait(60) == 0
    assert len(head.stdout.splitlines()) == 3
    assert (tmp_path / "err").read_bytes() == b""


def test_ctrl_c_ends_it_quietly(settings: Settings, tmp_path: Path) -> None:
    publish(settings, *events("blk_1"))
    with tail(settings, tmp_path / "err", "--from-beginning") as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert (tmp_path / "err").read_bytes() == b""


def test_it_joins_no_group_and_commits_nothing(settings: Settings, tmp_path: Path) -> None:
    publish(settings, *events("blk_1"))
    with tail(settings, tmp_path / "err", "--from-beginning") as process:
        assert process.stdout.readline()
        admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 0})
        groups = [group.group_id for group in admin.list_consumer_groups().result(30).valid]
    assert [name for name in groups if "follow" in name] == []


# ── on a terminal ──


def test_a_terminal_gets_a_table_and_obeys_no_log_text(settings: Settings, tmp_path: Path) -> None:
    publish(settings, *events("blk_1", evidence=[{"text": "\x1b[2Jcleared \x9b31m"}]))
    screen = on_terminal(settings, tmp_path, "--from-beginning", until=b"cleared")
    assert b"\x1b[1mTIME      SEVERITY  BLOCK" in screen
    assert b"\x1b[1;31mcritical\x1b[0m" in screen
    assert rb"\x1b[2Jcleared \x9b31m" in screen


def test_json_on_a_terminal_obeys_no_log_text_and_means_the_same(settings: Settings, tmp_path: Path) -> None:
    (value,) = events("blk_1", evidence=[{"text": "\x1b[2J \x9b31m \u202e größe"}])
    publish(settings, value)
    screen = on_terminal(settings, tmp_path, "--json", "--from-beginning", until=b"}")
    text = screen.decode().replace("\r\n", "")
    assert [c for c in text if not c.isprintable()] == []
    assert json.loads(text) == json.loads(value)


def on_terminal(settings: Settings, tmp_path: Path, *arguments: str, until: bytes) -> bytes:
    """What the command writes to a terminal of 80 columns, up to a line that holds ``until``."""
    ours, its = pty.openpty()
    os.environ.pop("COLUMNS", None)
    screen = b""
    with tail(settings, tmp_path / "err", *arguments, out=its):
        os.close(its)
        while until not in screen or not screen.endswith(b"\n"):
            screen += os.read(ours, 10_000)
    os.close(ours)
    return screen


# ── refusals ──


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def test_no_broker_and_no_topic_are_one_clear_line(broker: str, command: Command) -> None:
    ran = command("tail", "--bootstrap-servers", "localhost:1")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: no Kafka answers at localhost:1 (")
    ran = command("tail", "--bootstrap-servers", broker, "--anomalies-topic", "nowhere")
    assert (ran.code, ran.err) == (
        1,
        "error: there is no topic nowhere; create the topics: tinylogbert topics create\n",
    )


def test_help_shows_an_example(command: Command) -> None:
    assert b"tinylogbert tail --all --from-beginning | head" in command("tail", "--help").out
