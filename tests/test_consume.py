"""``tinylogbert consume`` as an operator meets it: real processes, their ends, their logs, and its refusals."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from command import Command
from confluent_kafka.admin import NewTopic
from pipeline import (
    CONSUME,
    ContentScorer,
    assert_same_windows,
    closed_windows,
    committed,
    daemon,
    far_later,
    flags,
    line,
    new_producer,
    new_settings,
    read_topic,
    send,
    until_closed,
    wait_until,
)
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.kafka.clients import new_admin
from stream.settings import DAEMON
from stream.simulator import simulate

SCORER = ContentScorer()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def logged(log: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in log.read_text().splitlines()]


def events(log: Path) -> list[str]:
    return [entry["event"] for entry in logged(log)]


def test_the_command_scores_as_its_checkpoint_does_and_ends_well_on_sigterm(
    broker: str, checkpoint: Path, tmp_path: Path
) -> None:
    settings = new_settings(broker)
    log = tmp_path / "log"
    lines = [*simulate(60, seed=10).lines(), far_later()]
    send(settings, lines)
    with daemon(settings, log, "--checkpoint", str(checkpoint), program=CONSUME) as process:
        scorer = BertScorer.load(checkpoint)
        until_closed(settings, lines, scorer)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b""
    assert_same_windows(settings, lines, scorer)
    assert events(log) == ["checkpoint loaded", "started", "assigned", "ended"]
    ended = logged(log)[-1]
    assert (ended["level"], ended["lines"], ended["open_windows"]) == ("info", len(lines), 1)
    assert 0 < ended["remembered"] < 1


def test_killed_and_restarted_it_closes_the_same_windows(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    lines = [*simulate(150, seed=11).lines(), far_later()]
    half = len(lines) // 2
    send(settings, lines[:half])
    with daemon(settings, tmp_path / "log", "--worker-id", "phoenix") as process:
        wait_until(lambda: sum(committed(settings, settings.lines_topic)), "the first windows are committed")
        send(settings, lines[half : half + 500])
        process.kill()
    send(settings, lines[half + 500 :])
    with daemon(settings, tmp_path / "log", "--worker-id", "phoenix"):
        until_closed(settings, lines, SCORER)
    assert "restored" in events(tmp_path / "log")
    assert_same_windows(settings, lines, SCORER)


def test_route_and_score_as_two_processes_do_what_one_does(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    lines = [*simulate(40, seed=12).lines(), far_later()]
    with (
        daemon(settings, tmp_path / "route", "--stage", "route", program=CONSUME) as route,
        daemon(settings, tmp_path / "score", "--stage", "score") as score,
    ):
        wait_until(lambda: "assigned" in events(tmp_path / "route"), "route is at work")
        send(settings, [*lines, b"\xff"])
        until_closed(settings, lines, SCORER)
        for process in (route, score):
            process.send_signal(signal.SIGINT)
        assert (route.wait(60), score.wait(60)) == (0, 0)
    assert_same_windows(settings, lines, SCORER)
    assert [m.value() for m in read_topic(settings, settings.dead_letter_topic)] == [b"\xff"]
    assert "checkpoint loaded" not in events(tmp_path / "route")
    assert (logged(tmp_path / "route")[-1]["lines"], logged(tmp_path / "score")[-1]["lines"]) == (
        len(lines) + 1,
        len(lines),
    )


def test_a_second_ctrl_c_ends_it_at_once_whatever_it_does(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    send(settings, [line(1, "Receiving block blk_1 hangs"), far_later()])
    log = tmp_path / "log"
    with daemon(settings, log) as process:
        wait_until(lambda: log.exists() and "it hangs" in log.read_text(), "it judges")
        wait_until(lambda: process.send_signal(signal.SIGINT) or process.poll() is not None, "it ends")
        assert process.returncode == -signal.SIGINT
    assert "Traceback" not in log.read_text()
    assert closed_windows(settings) == {}


def test_it_creates_the_topics_that_are_missing_and_says_so(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker, create=False)
    with daemon(settings, tmp_path / "log", "--stage", "route", program=CONSUME) as process:
        wait_until(lambda: "started" in events(tmp_path / "log"), "it starts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    created = [entry["topic"] for entry in logged(tmp_path / "log") if entry["event"] == "topic created"]
    assert created == [getattr(settings, name) for name in type(settings).model_fields if name.endswith("_topic")]


# ── what it refuses: one clear line, exit code 1 ──


def test_no_broker(command: Command) -> None:
    ran = command("consume", "--bootstrap-servers", "localhost:1")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: no Kafka answers at localhost:1 (")
    assert ran.err.count("\n") == 1


def test_a_damaged_checkpoint(broker: str, command: Command, tmp_path: Path) -> None:
    settings = new_settings(broker)
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    (folder / "model.safetensors").write_bytes(b"not these")
    ran = command("consume", *flags(settings), "--checkpoint", folder)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith(f"error: the checkpoint {folder} is damaged")


def test_topics_that_do_not_fit(broker: str, command: Command, checkpoint: Path) -> None:
    settings = new_settings(broker, create=False)
    windows = NewTopic(settings.windows_topic, 7, 1, config={"cleanup.policy": "compact"})
    admin = new_admin(settings)
    for created in admin.create_topics([windows, NewTopic(settings.lines_topic, 3, 1)]).values():
        created.result(30)
    ran = command("consume", *flags(settings), "--checkpoint", checkpoint)
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith(f"error: topic {settings.windows_topic} does not fit: has 7 partitions, ")


def test_keyed_input_that_is_not_keyed_by_block(broker: str, command: Command, checkpoint: Path) -> None:
    settings = new_settings(broker, keyed_input=True)
    send(settings, [line(0, "Receiving block blk_1")], key=b"host-1")
    ran = command("consume", *flags(settings), "--keyed-input", "--checkpoint", checkpoint)
    assert ran.code == 1
    assert "names block blk_1" in ran.err.splitlines()[-1]


def test_a_damaged_changelog(broker: str, command: Command, checkpoint: Path) -> None:
    settings = new_settings(broker)
    producer = new_producer(settings)
    producer.produce(settings.windows_topic, b"nonsense", b"wblk_1", partition=0)
    producer.flush()
    ran = command("consume", *flags(settings), "--checkpoint", checkpoint)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith(f"error: {settings.windows_topic}, partition 0, offset 0: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--quiet-after", "20h"), "quiet_after must be shorter than close_after"),
        (("--stage", "route", "--keyed-input"), "with keyed_input there is no route stage"),
        (("--worker-id", "a b"), "worker_id"),
        (("--stage", "both"), "'both' is not one of"),
        (("--kafka", "group.id"), "'group.id' is not KEY=VALUE"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: tuple[str, ...], says: str) -> None:
    ran = command("consume", *arguments)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("isolation.level=read_uncommitted", "the client property isolation.level cannot be set"),
        ("no.such=1", 'No such configuration property: "no.such"'),
    ],
)
def test_client_properties_that_cannot_be(broker: str, command: Command, pair: str, says: str) -> None:
    ran = command("consume", "--bootstrap-servers", broker, "--kafka", pair)
    assert ran.code == 1
    assert says in ran.err


def test_help_names_every_setting_and_shows_an_example(command: Command) -> None:
    out = command("consume", "--help").out.decode()
    assert "tinylogbert consume --stage score" in out
    missing = [name for name in DAEMON if f"--{name.replace('_', '-')}" not in out]
    assert missing == []
