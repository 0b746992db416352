"""``tinylogbert doctor`` against real brokers: nothing wrong, rights that are lacking, and no trace of it."""

import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pytest
from command import Command
from pipeline import ContentScorer, all_read, flags, line, new_settings, running, send, wait_until
from secured import PASSWORD, Secured, secured_broker
from tiny_checkpoint import write_tiny_checkpoint

from stream.broker import EmbeddedBroker
from stream.errors import BrokerError
from stream.kafka.allowed import lacking
from stream.kafka.clients import new_admin
from stream.kafka.lost import read_without_state
from stream.kafka.newest import newest
from stream.kafka.requests import understood
from stream.kafka.rights import Right, rights_of
from stream.kafka.topics import create_topics
from stream.settings import Settings, load_settings


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


def logged_in(secured: Secured, settings: Settings, rights: Iterable[Right], password: Path) -> Settings:
    """The same settings for a new user with these rights and no others."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    secured.user(name)
    secured.grant(f"User:{name}", rights)
    password.write_text(PASSWORD)
    properties = {**secured.scram(name, password), "sasl.password": PASSWORD}
    del properties["sasl.password.file"]
    return settings.model_copy(update={"bootstrap_servers": secured.sasl, "kafka": properties})


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[str]:
    """A broker that nobody else leaves anything on."""
    broker = EmbeddedBroker(tmp_path / "broker", port=0, heap="512m", die_with_parent=True)
    yield broker.start()
    broker.stop()


def traces(settings: Settings) -> tuple[set[str], set[str]]:
    """Names of groups and topics, those of transactions and offsets left out."""
    admin = new_admin(settings)
    groups = {group.group_id for group in admin.list_consumer_groups().result(30).valid}
    return groups, {name for name in admin.list_topics(timeout=30).topics if not name.startswith("__")}


def test_where_nothing_is_wrong_it_exits_with_0_and_leaves_nothing(
    own_broker: str, command: Command, tmp_path: Path
) -> None:
    settings = new_settings(own_broker)
    send(settings, [line(n, f"Receiving block blk_{n}") for n in range(30)])
    folder = write_tiny_checkpoint(tmp_path / "model")
    before = traces(settings)
    ran = command("doctor", *flags(settings), "--checkpoint", folder, "--worker-id", "a")
    answer = orjson.loads(ran.out)
    said = {finding["what"]: finding["said"] for finding in answer["findings"]}
    assert [finding for finding in answer["findings"] if finding["state"] == "wrong"] == []
    assert (ran.code, answer["ok"]) == (0, True)
    assert said["kafka"].endswith("; understands what Kafka 4.1 does")
    assert said[settings.raw_topic] == "3 partitions, delete, by the rule"
    assert said["consume"] == "it may do what it needs with 6 topics, 3 groups, 1 transactional-id"
    assert said["event time"].startswith("the newest line says 2008-11-09T20:00:29Z, ")
    assert traces(settings) == before


def test_topics_that_are_missing_are_said_once_and_the_rest_goes_on(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    ran = command("doctor", *flags(settings), "--stage", "route")
    wrong = [finding for finding in orjson.loads(ran.out)["findings"] if finding["state"] == "wrong"]
    assert ran.code == 1
    assert {finding["check"] for finding in wrong} == {"topics"}
    assert {finding["said"] for finding in wrong} == {"does not exist"}


def test_a_changelog_that_was_deleted_is_missed(broker: str, command: Command) -> None:
    settings = new_settings(broker)
    send(settings, [line(n, f"Receiving block blk_{n}") for n in range(30)])
    with running(settings, ContentScorer()):
        wait_until(lambda: all_read(settings), "all is read")
    assert read_without_state(settings) == 0
    admin = new_admin(settings)
    admin.delete_topics([settings.windows_topic])[settings.windows_topic].result(30)
    wait_until(lambda: settings.windows_topic not in admin.list_topics(timeout=30).topics, "it is gone")
    create_topics(admin, settings)
    ran = command("doctor", *flags(settings), "--stage", "score", "--timeout", "20s")
    said = [f["said"] for f in orjson.loads(ran.out)["findings"] if f["what"] == settings.windows_topic]
    assert ran.code == 1
    read = rf"\d+ messages of {settings.lines_topic}"
    assert re.fullmatch(rf"is empty, though group {settings.group_id} has read {read}: windows are lost", said[-1])


def test_asking_for_a_name_does_not_take_it_from_who_works_under_it(broker: str) -> None:
    settings = new_settings(broker, worker_id="a")
    send(settings, [line(0, "Receiving block blk_1")])
    with running(settings, ContentScorer()) as worker:
        wait_until(lambda: all_read(settings), "the first line is read")
        assert lacking(settings, new_admin(settings), rights_of("consume", settings)) == []
        send(settings, [line(1, "Receiving block blk_2")])
        wait_until(lambda: all_read(settings), "the second line is read")
        assert worker.aborted == 0


def test_the_rights_of_a_daemon_are_enough_for_the_doctor(
    secured: Secured, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_settings(secured.open, worker_id="a")
    send(settings, [line(n, f"Receiving block blk_{n}") for n in range(30)])
    user = logged_in(secured, settings, rights_of("consume", settings), tmp_path / "password")
    monkeypatch.setenv("TINYLOGBERT_KAFKA", orjson.dumps(user.kafka).decode())
    folder = write_tiny_checkpoint(tmp_path / "model")
    ran = command("doctor", *flags(user), "--worker-id", "a", "--checkpoint", folder)
    findings = orjson.loads(ran.out)["findings"]
    assert [finding for finding in findings if finding["state"] == "wrong"] == []
    assert ran.code == 0
    [unseen] = [finding for finding in findings if finding["check"] == "topics" and finding["state"] == "skipped"]
    assert unseen["said"].startswith("Kafka does not allow it: ")
    assert PASSWORD not in ran.out.decode() + ran.err


def test_each_right_that_is_lacking_is_found(secured: Secured, tmp_path: Path) -> None:
    settings = new_settings(secured.open, worker_id="a")
    wanted = rights_of("consume", settings)
    name = f"{settings.group_id}-a"
    gone = {(settings.scores_topic, "Write"), (settings.group_id, "Read"), (name, "Read"), (name, "Write")}
    gone |= {(settings.raw_topic, "Read"), (settings.raw_topic, "DescribeConfigs")}
    left = [
        right._replace(operations=tuple(one for one in right.operations if (right.name, one) not in gone))
        for right in wanted
    ]
    left.append(Right("topic", settings.scores_topic, ("Describe",), "what else may be done with it can be asked"))
    user = logged_in(secured, settings, left, tmp_path / "password")
    missing = {(right.name, one) for right, operations in lacking(user, new_admin(user), wanted) for one in operations}
    assert missing == gone


def test_a_prefix_that_is_not_granted_is_found(secured: Secured, tmp_path: Path) -> None:
    settings = new_settings(secured.open)
    wanted = rights_of("consume", settings)
    for granted in (True, False):
        rights = [right for right in wanted if granted or right.kind != "transactional-id"]
        user = logged_in(secured, settings, rights, tmp_path / "password")
        missing = [right for right, _ in lacking(user, new_admin(user), wanted)]
        assert [right.kind for right in missing] == ([] if granted else ["transactional-id"])


def test_what_a_broker_understands_is_known(broker: str) -> None:
    requests, brokers = understood(load_settings(bootstrap_servers=broker), 10)
    assert brokers == 1
    assert requests["TxnOffsetCommit"] >= 3
    with pytest.raises(BrokerError, match="no Kafka answers at localhost:1 "):
        understood(load_settings(bootstrap_servers="localhost:1"), 0.5)


def test_the_newest_records_of_each_partition_are_read(broker: str) -> None:
    settings = new_settings(broker)
    assert newest(settings, settings.raw_topic, 2, 10) == []
    for partition in (0, 1):
        send(settings, [b"%d" % n for n in range(5)], partition=partition)
    found = newest(settings, settings.raw_topic, 2, 10)
    assert sorted(record.value or b"" for record in found) == [b"3", b"3", b"4", b"4"]
    assert not any(record.by_broker for record in found)
