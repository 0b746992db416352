"""The daemon's log: its two forms, what never stands in it, and how little a flood writes."""

import io
import json
import re
from typing import Any

import pytest
from command import Command
from confluent_kafka import KafkaError, KafkaException
from pipeline import line, new_settings, running, send, wait_until

from stream.kafka.figures import EVERY_S, Figures
from stream.kafka.refusals import refused, unreachable
from stream.kafka.worker import Worker
from stream.logs import MOST_A_SECOND, Log, new_log
from stream.settings import load_settings


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def entries(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(text) for text in out.getvalue().splitlines()]


# ── forms ──


def test_what_is_no_terminal_gets_a_json_object_a_line_time_level_and_event_first() -> None:
    out = io.StringIO()
    new_log(out).warning("late", lines=1_234, topics=["a", "b"], share=0.5, none=None)
    (entry,) = entries(out)
    assert list(entry) == ["timestamp", "level", "event", "lines", "topics", "share", "none"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", entry.pop("timestamp"))
    assert entry == {
        "level": "warning", "event": "late", "lines": 1234, "topics": ["a", "b"], "share": 0.5, "none": None
    }  # fmt: skip


def test_a_terminal_gets_a_line_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Screen()
    new_log(out).info("figures", lines=1_234_567, stage="all")
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info *\] figures +lines=1,234,567 stage=all\n", out.getvalue())


def test_colours_are_a_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out, screen = io.StringIO(), Screen()
    for stream in (out, screen):
        new_log(stream).warning("late", lines=1)
    assert "\x1b[" not in out.getvalue()
    assert "\x1b[" in screen.getvalue()


def test_a_terminal_obeys_no_text_that_came_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen, out = Screen(), io.StringIO()
    for stream in (screen, out):
        new_log(stream).warning("kafka", error="a\x1b[2J\u202eb\nc\r", more=["\x1b[31m"])
    assert [c for c in screen.getvalue()[:-1] if not c.isprintable()] == []
    assert r"a\x1b[2J\u202eb\nc\r" in screen.getvalue()
    assert [c for c in out.getvalue()[:-1] if not c.isprintable()] == []


# ── secrets ──

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----"
SECRETS = {
    "sasl.password": 'geheim"1\\',
    "ssl.key.password": "geheim2 with a space",
    "ssl.keystore.password": "geheim3",
    "ssl.key.pem": KEY,
    "sasl.oauthbearer.client.secret": "geheim4",
    "sasl.oauthbearer.config": "principal=me key=geheim5",
    "sasl.oauthbearer.assertion.private.key.passphrase": "geheim6",
}
OPEN = {"sasl.username": "ada", "ssl.ca.location": "/etc/ca.pem", "security.protocol": "SASL_SSL"}
SETTINGS = load_settings(kafka={**SECRETS, **OPEN})


@pytest.mark.parametrize("stream", [io.StringIO, Screen])
@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_reaches_the_log_wherever_it_stands(name: str, stream: type[io.StringIO]) -> None:
    out = stream()
    secret = SECRETS[name]
    error = KafkaException(KafkaError(KafkaError._INVALID_ARG, f'Invalid value "{secret}" for {name}'))
    log = new_log(out, SETTINGS.hidden)
    log.warning(f"kafka {secret}", error=str(error), nested={secret: [secret, (secret,)]}, exception=error)
    log.warning("settings", of=SETTINGS)
    written = out.getvalue()
    assert written.count("[hidden]") >= 5
    for part in ("geheim", "MIIEv", "kqhki"):
        assert part not in written


@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_a_traceback_is_written_without_them(stream: type[io.StringIO]) -> None:
    out = stream()
    try:
        raise ValueError("it begins at: key=geheim5")
    except ValueError:
        new_log(out, SETTINGS.hidden).error("a request failed", exc_info=True)
    written = out.getvalue()
    assert "Traceback" in written
    assert "ValueError: it begins at: [hidden]" in written


def test_part_of_a_key_or_of_a_list_of_settings_is_hidden_too() -> None:
    assert SETTINGS.hidden("cannot parse kqhkiG9w0BAQEF") == "cannot parse [hidden]"
    assert SETTINGS.hidden("Unrecognized beginning at: key=geheim5") == "Unrecognized beginning at: [hidden]"


def test_what_is_no_secret_stays_readable() -> None:
    text = "ada at /etc/ca.pem with SASL_SSL: sasl.password is wrong"
    assert SETTINGS.hidden(text) == text
    assert load_settings(kafka={"sasl.password": "a"}).hidden("a cat") == "a cat"  # else nothing could be read any more


def test_no_secret_reaches_the_one_line_of_an_error() -> None:
    for code in (KafkaError._INVALID_ARG, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._TRANSPORT):
        error = KafkaException(KafkaError(code, "it begins at: key=geheim5"))
        assert "geheim5" not in str(refused(SETTINGS, error))
        assert "geheim5" not in str(unreachable(SETTINGS, error))


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.mark.parametrize("given", ["sasl.password:geheim", "sasl.password geheim", "sasl.password"])
def test_a_property_that_is_mistyped_is_not_shown(command: Command, given: str) -> None:
    ran = command("consume", "--kafka", given)
    assert ran.code == 2
    assert "sasl.password" in ran.err
    assert "geheim" not in ran.err


def test_properties_in_the_environment_that_are_no_json_are_one_clear_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYLOGBERT_KAFKA", '{"sasl.password": geheim}')
    ran = command("consume")
    assert ran.code == 2
    assert "in the environment a table is JSON, such as TINYLOGBERT_KAFKA='{\"security" in ran.err
    assert "geheim" not in ran.err


# ── floods ──


def test_an_event_is_written_ten_times_a_second_and_then_counted() -> None:
    out, clock = io.StringIO(), Clock()
    log = new_log(out, clock=clock)
    for number in range(25):
        clock.now = number / 100
        log.warning("late", number=number)
    log.info("figures")
    assert [entry["event"] for entry in entries(out)] == ["late"] * MOST_A_SECOND + ["figures"]
    clock.now = 1.0
    log.info("figures")
    said = entries(out)[-2:]
    assert said[0].pop("timestamp")
    left_out = "lines left out of the log, they came too fast"
    assert said[0] == {"level": "warning", "event": left_out, "of": "late", "lines": 15}
    assert said[1]["event"] == "figures"
    log.info("figures")
    assert len(entries(out)) == MOST_A_SECOND + 4  # it is said once


def test_a_flood_that_goes_on_is_told_second_by_second() -> None:
    out, clock = io.StringIO(), Clock()
    log = new_log(out, clock=clock)
    for number in range(3_000):
        clock.now = number / 1000
        log.warning("late")
    clock.now = 4.0
    log.info("ended")
    told = [entry["lines"] for entry in entries(out) if "of" in entry]
    assert told == [990, 990, 990]
    assert sum(told) + 3 * MOST_A_SECOND == 3_000


def test_one_event_that_floods_does_not_hide_another() -> None:
    out, clock = io.StringIO(), Clock()
    log = new_log(out, clock=clock)
    for _ in range(100):
        log.warning("late")
    log.warning("drift")
    assert entries(out)[-1]["event"] == "drift"


def test_a_clock_that_is_set_back_lets_lines_pass() -> None:
    out, clock = io.StringIO(), Clock()
    log = new_log(out, clock=clock)
    clock.now = 100.0
    for _ in range(20):
        log.warning("late")
    clock.now = 0.0
    log.warning("late")
    assert [entry["event"] for entry in entries(out)][-2:] == [
        "lines left out of the log, they came too fast",
        "late",
    ]


# ── dead letters ──


def test_lines_that_cannot_be_read_are_told_at_once_and_then_every_ten_seconds(broker: str) -> None:
    settings = new_settings(broker)
    out, clock = io.StringIO(), Clock()
    made: list[Figures] = []

    def every(worker: Worker) -> None:
        if not made:
            made.append(Figures(worker, log, clock))
        made[0]()

    def told() -> list[dict[str, Any]]:
        return [entry for entry in entries(out) if entry["event"].startswith("lines could not be read")]

    log: Log = new_log(out)
    with running(settings, None, every) as worker:
        send(settings, [b"no time blk_1", b"\xff blk_2", line(0, "Receiving block blk_3")])
        wait_until(told, "it is told")
        send(settings, [b"no time blk_%d" % number for number in range(100)])
        wait_until(lambda: worker.route is not None and worker.route.dead == 102, "they are read")
        assert len(told()) == 1
        clock.now += EVERY_S
        wait_until(lambda: sum(entry["new"] for entry in told()) == 102, "the rest is told")
    assert len(told()) <= 2
    assert told()[-1]["since_start"] == {"timestamp": 101, "encoding": 1}
