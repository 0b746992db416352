"""``tinylogbert doctor``: what each check says of plain facts, and the round, which never hangs. Needs no broker."""

import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from stream.doctor import Check, Finding, State, examined
from stream.doctor.checkpoint import checkpoint
from stream.doctor.clock import Stamped, clock
from stream.doctor.configured import configured
from stream.doctor.disk import LEAST, Room, disk
from stream.doctor.kafka import broker, rights, topics
from stream.errors import BrokerError
from stream.kafka.rights import Right
from stream.kafka.topics import TopicState
from stream.scoring import Score
from stream.settings import Settings, load_settings

NOW = 1_764_290_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def one(findings: Sequence[Finding]) -> Finding:
    [finding] = findings
    return finding


def found(finding: Finding) -> tuple[State, str, str]:
    """A finding's state, text and what to do."""
    return finding.state, finding.said, finding.mend


# ── the round ──


def fine(name: str, needs: str | None = None) -> Check:
    return Check(name, name, lambda: [Finding(name, name, "ok", "fine")], needs)


def broken(name: str, needs: str | None = None) -> Check:
    def look() -> list[Finding]:
        raise BrokerError("it is gone; create it; or wait")

    return Check(name, name, look, needs)


def test_an_error_is_a_finding_and_what_hangs_on_it_is_skipped_with_the_reason() -> None:
    checks = [broken("broker"), fine("topics", "broker"), fine("rights", "topics"), fine("disk")]
    told: list[str] = []
    assert list(examined(checks, 10, told.append)) == [
        Finding("broker", "broker", "wrong", "it is gone", "create it; or wait"),
        Finding("topics", "topics", "skipped", "not to be looked at: see broker"),
        Finding("rights", "rights", "skipped", "not to be looked at: see topics"),
        Finding("disk", "disk", "ok", "fine"),
    ]
    assert told == ["broker", "topics", "rights", "disk"]


def test_a_check_that_does_not_come_back_is_left_behind() -> None:
    never = threading.Event()

    def hang() -> list[Finding]:
        never.wait()
        return []

    try:
        first, second = examined([Check("broker", "kafka", hang), fine("topics", "broker")], 0.05)
    finally:
        never.set()
    assert found(first) == ("wrong", "no answer within 0.05 s", "try again with a longer --timeout")
    assert second.state == "skipped"


def test_a_mistake_of_ours_is_not_taken_for_a_finding() -> None:
    def mistaken() -> list[Finding]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(examined([Check("a", "a", mistaken)], 10))


# ── settings ──


def test_settings_that_are_not_the_default_are_named_without_their_values() -> None:
    settings = load_settings(group_id="g", kafka={"sasl.password": "hunter2"})
    assert found(one(configured(settings, {}))) == ("ok", "not the default: group_id, kafka", "")


def test_a_variable_that_is_no_setting_is_found_and_the_one_that_was_meant() -> None:
    variables = {"TINYLOGBERT_GRUOP_ID": "x", "TINYLOGBERT_API_TOKEN": "t", "TINYLOGBERT_STAGE": "all", "HOME": "/"}
    finding = one(configured(load_settings(), variables, ("TINYLOGBERT_API_TOKEN",)))
    assert finding.what == "TINYLOGBERT_GRUOP_ID"
    assert found(finding) == (
        "wrong",
        "this variable is no setting and does nothing",
        "did you mean TINYLOGBERT_GROUP_ID?",
    )


def test_a_file_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    properties = {"ssl.ca.location": str(tmp_path / "ca.pem"), "ssl.key.location": str(tmp_path / "none.pem")}
    finding = one(configured(load_settings(kafka=properties), {}))
    assert (finding.what, finding.state) == ("kafka ssl.key.location", "wrong")
    assert configured(load_settings(kafka={"ssl.ca.location": "probe"}), {})[0].state == "ok"


# ── broker ──


@pytest.mark.parametrize(
    ("requests", "state", "said"),
    [
        ({"Produce": 13, "Fetch": 18}, "ok", "2 brokers at localhost:9092; understands what Kafka 4.1 does"),
        ({"Produce": 11, "Fetch": 17}, "ok", "2 brokers at localhost:9092; understands what Kafka 3.9 does"),
        ({"Produce": 8, "Fetch": 11, "TxnOffsetCommit": 3}, "ok",
         "2 brokers at localhost:9092; understands what Kafka 2.5 does"),
        ({"Produce": 7, "Fetch": 10, "TxnOffsetCommit": 2}, "wrong",
         "2 brokers at localhost:9092, older than 2.5: no exactly-once for us"),
        ({}, "ok", "2 brokers at localhost:9092, of which version does not show"),
    ],
)  # fmt: skip
def test_a_brokers_release_is_told_by_the_requests_that_it_understands(
    requests: dict[str, int], state: State, said: str
) -> None:
    finding = one(broker(load_settings(), requests, 2))
    assert found(finding)[:2] == (state, said)
    assert bool(finding.mend) == (state == "wrong")


# ── topics ──


def topic(name: str = "hdfs.lines", partitions: int = 4, replication: int = 3, **more: Any) -> TopicState:
    state = TopicState(name, partitions, replication, "delete", [], [], {})
    return state._replace(**more)


@pytest.mark.parametrize(
    ("state", "said", "mend"),
    [
        (topic(partitions=0, problems=["does not exist"]), "does not exist", "create it: tinylogbert topics create"),
        (topic(advice=["too short"], mend={"retention.ms": "1"}), "too short", "tinylogbert topics create --update"),
        (topic(problems=["has 5 partitions"]), "has 5 partitions", "see docs/operate.md, Topics"),
        (topic(replication=1), "one replica on 3 brokers: one that goes takes it along",
         "add replicas with kafka-reassign-partitions; new topics get them by --replication"),
        (topic(partitions=2), "has 2 partitions for 3 workers: the others are idle",
         "--workers 2, or begin anew with more partitions (docs/operate.md, Sizing)"),
    ],
)  # fmt: skip
def test_a_topic_that_does_not_fit_is_said_with_what_to_do(state: TopicState, said: str, mend: str) -> None:
    assert found(one(topics(load_settings(workers=3), [state], brokers=3))) == ("wrong", said, mend)


def test_a_topic_that_fits_is_said_so() -> None:
    finding = one(topics(load_settings(), [topic(replication=1)], brokers=1))
    assert found(finding) == ("ok", "4 partitions, delete, by the rule", "")


# ── rights ──


def test_a_right_that_is_lacking_is_said_with_the_command_that_grants_it() -> None:
    scores = Right("topic", "hdfs.scores", ("Write", "DescribeConfigs"), "scored windows")
    names = Right("transactional-id", "g-", ("Write",), "transactions", prefix=True)
    first, second = rights([scores, names], [(scores, ["Write"]), (names, ["Write"])])
    assert found(first) == (
        "wrong",
        "no right to Write (scored windows)",
        "kafka-acls --add --allow-principal User:… --operation Write --topic hdfs.scores; "
        "tinylogbert topics acls consume prints all of them",
    )
    assert second.what == "transactional-id g-…"
    assert "--transactional-id g- --resource-pattern-type prefixed; " in second.mend
    assert found(one(rights([scores, names], []))) == (
        "ok",
        "it may do what it needs with 1 topic, 1 transactional-id",
        "",
    )


# ── checkpoint ──


class Odd:
    checkpoint = "odd"

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [Score(float("nan"), 0.5, False, "normal")]


def test_a_checkpoint_that_scores_nonsense_is_found() -> None:
    finding = one(checkpoint(Path("folder"), Odd, lambda: 0.0))
    assert found(finding)[:2] == ("wrong", "odd scores nan with a p-value of 0.5")


def test_a_checkpoint_that_was_tampered_with_is_found(tmp_path: Path) -> None:
    from stream.commands.doctor import checks

    folder = write_tiny_checkpoint(tmp_path / "model")
    [check] = [check for check in checks(load_settings(checkpoint=folder)) if check.name == "checkpoint"]
    [good] = examined([check], 60)
    assert good.state == "ok"
    assert ": hashes fit, loads in " in good.said
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    [bad] = examined([check], 60)
    assert bad.state == "wrong"
    assert "model.safetensors has been changed since it was saved" in bad.said


# ── clock ──


def lines(said: int, stamped: int = NOW - 1000, count: int = 3, by_broker: bool = False) -> list[Stamped]:
    return [Stamped("hdfs.raw", stamped, by_broker, said) for _ in range(count)]


def test_clocks_that_agree_are_said_so() -> None:
    machine, event = clock(NOW, lines(NOW - 3000), "UTC")
    assert found(machine) == (
        "ok",
        "nothing is stamped later than it says; the newest, in hdfs.raw by who wrote it, 1 s ago",
        "",
    )
    assert found(event) == ("ok", "the newest line says 2025-11-28T00:33:17Z, 3 s ago", "")


@pytest.mark.parametrize(("by_broker", "who"), [(True, "the broker"), (False, "who wrote it")])
def test_a_record_from_the_future_says_that_this_clock_is_behind(by_broker: bool, who: str) -> None:
    machine, _ = clock(NOW, lines(NOW, NOW + 4 * MINUTE, by_broker=by_broker), "UTC")
    said = f"a record of hdfs.raw is stamped by {who} 4 min later than this machine's clock"
    assert found(machine) == ("wrong", said, "set this clock, or that one, by NTP (timedatectl set-ntp true)")
    assert clock(NOW, lines(NOW, NOW + 4000), "UTC")[0].state == "ok"


def test_lines_from_the_future_are_of_another_zone() -> None:
    _, event = clock(NOW, lines(NOW + 2 * HOUR), "UTC")
    assert event.state == "wrong"
    assert event.said == "the newest line says 2025-11-28T02:33:20Z, 2 h after this clock"
    assert event.mend.startswith("name the zone of stamps without one with --timezone (it is UTC)")


@pytest.mark.parametrize(
    ("delay", "state"),
    [
        (5 * HOUR + 30 * MINUTE + 4000, "wrong"),  # India
        (HOUR, "wrong"),
        (20 * MINUTE, "ok"),  # a shipper that is slow
        (HOUR + 3 * MINUTE, "ok"),
        (5 * DAY, "ok"),  # an old log is sent
        (10, "ok"),
    ],
)
def test_lines_that_always_come_whole_quarters_of_an_hour_late_are_of_another_zone(delay: int, state: State) -> None:
    _, event = clock(NOW, lines(NOW - 1000 - delay), "UTC")
    assert event.state == state


def test_two_lines_or_old_ones_say_nothing_of_their_zone() -> None:
    assert clock(NOW, lines(NOW - HOUR, count=2), "UTC")[1].state == "ok"
    assert clock(NOW, lines(NOW - 3 * HOUR, NOW - 2 * HOUR), "UTC")[1].state == "ok"


def test_without_records_or_lines_there_is_nothing_to_compare() -> None:
    assert one(clock(NOW, [], "UTC")).state == "skipped"
    machine, event = clock(NOW, [Stamped("hdfs.raw", NOW, False)], "UTC")
    assert (machine.state, event.state) == ("ok", "skipped")


# ── disk ──


def test_a_full_disk_is_found_and_what_cannot_be_seen_is_said() -> None:
    rooms = [
        Room(Path("/a"), "reports", 5 * LEAST, 9 * LEAST),
        Room(Path("/b"), "logs", LEAST - 1, LEAST),
        Room(Path("/c"), "x", None),
    ]
    good, full, unseen, elsewhere = disk(rooms, broker_is_here=False)
    assert found(good) == ("ok", "5.0 GiB of 9.0 are free", "")
    assert (full.state, full.what) == ("wrong", "logs (/b)")
    assert (unseen.state, elsewhere.state) == ("wrong", "skipped")
    assert len(disk(rooms, broker_is_here=True)) == 3


# ── the command, with no broker ──


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def test_with_a_broker_that_is_down_it_says_so_and_looks_at_the_rest(command: Command, tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    ran = command("doctor", "--bootstrap-servers", "localhost:1", "--checkpoint", folder)
    answer = orjson.loads(ran.out)
    states = {finding["check"]: finding["state"] for finding in answer["findings"] if finding["what"] != "brokers"}
    assert (ran.code, ran.err, answer["ok"]) == (1, "", False)
    assert states == {
        "settings": "ok",
        "broker": "wrong",
        "topics": "skipped",
        "rights": "skipped",
        "checkpoint": "ok",
        "clock": "skipped",
        "disk": "ok",
    }
    [down] = [finding for finding in answer["findings"] if finding["check"] == "broker"]
    assert down["said"].startswith("no Kafka answers at localhost:1")
    assert "tinylogbert broker start" in down["mend"]


def test_a_broker_that_accepts_and_says_nothing_is_not_waited_for(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        ran = command("doctor", "--bootstrap-servers", address, "--stage", "route", "--timeout", "1s")
    said = {finding["check"]: finding["said"] for finding in orjson.loads(ran.out)["findings"]}
    assert ran.code == 1
    assert said["broker"] == "no answer within 1 s"
    assert said["rights"] == "not to be looked at: see broker"


def test_a_timeout_that_is_none_is_wrong_usage(command: Command) -> None:
    ran = command("doctor", "--timeout", "soon")
    assert ran.code == 2
    assert "'soon' is no duration" in ran.err


def test_a_secret_is_in_no_finding(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct horse battery"
    properties = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "me"}
    monkeypatch.setenv("TINYLOGBERT_KAFKA", orjson.dumps({**properties, "sasl.password": secret}).decode())
    ran = command("doctor", "--bootstrap-servers", "localhost:1", "--stage", "route")
    assert ran.code == 1
    assert secret not in ran.out.decode() + ran.err


def test_a_checkpoint_is_not_asked_for_where_only_lines_are_routed() -> None:
    from stream.commands.doctor import checks

    settings: Settings = load_settings(stage="route")
    [check] = [check for check in checks(settings) if check.name == "checkpoint"]
    assert one(check.look()).state == "skipped"
