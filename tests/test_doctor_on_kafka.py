"""``tinylogbert doctor`` against real brokers: nothing wrong, rights that are lacking, and no trace of it."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from command import Command
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pipeline import ContentScorer, all_read, flags, line, new_settings, running, send, wait_until
from tiny_checkpoint import write_tiny_checkpoint

from stream.broker import EmbeddedBroker
from stream.errors import BrokerError
from stream.kafka.allowed import lacking
from stream.kafka.clients import new_admin
from stream.kafka.newest import newest
from stream.kafka.requests import understood
from stream.kafka.rights import rights_of
from stream.settings import Settings, load_settings

AUTHORIZED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker where whoever is not named by a resource's ACLs has no right to it."""
    folder = tmp_path_factory.mktemp("strict")
    embedded = EmbeddedBroker(folder, port=0, die_with_parent=True, settings=AUTHORIZED)
    yield embedded.start()
    embedded.stop()


def grant_to_another(admin: AdminClient, kind: ResourceType, name: str, prefix: bool = False) -> None:
    """Whoever else asks has no right to it from now on."""
    pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
    what = (kind, name, pattern, "User:somebody", "*", AclOperation.ALL, AclPermissionType.ALLOW)
    for future in admin.create_acls([AclBinding(*what)]).values():
        future.result(30)


def traces(settings: Settings) -> tuple[set[str], set[str]]:
    """Names of groups and topics, those of transactions and offsets left out."""
    admin = new_admin(settings)
    groups = {group.group_id for group in admin.list_consumer_groups().result(30).valid}
    return groups, {name for name in admin.list_topics(timeout=30).topics if not name.startswith("__")}


def test_where_nothing_is_wrong_it_exits_with_0_and_leaves_nothing(
    broker: str, command: Command, tmp_path: Path
) -> None:
    settings = new_settings(broker)
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


def test_asking_for_a_name_does_not_take_it_from_who_works_under_it(broker: str) -> None:
    settings = new_settings(broker, worker_id="a")
    send(settings, [line(0, "Receiving block blk_1")])
    with running(settings, ContentScorer()) as worker:
        wait_until(lambda: all_read(settings), "the first line is read")
        assert lacking(settings, new_admin(settings), rights_of("consume", settings)) == []
        send(settings, [line(1, "Receiving block blk_2")])
        wait_until(lambda: all_read(settings), "the second line is read")
        assert worker.aborted == 0


def test_each_right_that_is_lacking_is_found(strict: str) -> None:
    settings = new_settings(strict, worker_id="a")
    wanted = rights_of("consume", settings)
    admin = new_admin(settings)
    assert lacking(settings, admin, wanted) == []

    name = f"{settings.group_id}-a"
    grant_to_another(admin, ResourceType.TOPIC, settings.scores_topic)
    grant_to_another(admin, ResourceType.GROUP, settings.group_id)
    grant_to_another(admin, ResourceType.GROUP, f"{settings.group_id}-restore")
    grant_to_another(admin, ResourceType.TRANSACTIONAL_ID, name)

    def found() -> dict[tuple[str, str], tuple[str, ...]]:
        return {(r.kind, r.name): tuple(missing) for r, missing in lacking(settings, new_admin(settings), wanted)}

    expected = {
        ("topic", settings.scores_topic): ("DescribeConfigs", "Write"),
        ("group", settings.group_id): ("Read",),
        ("group", f"{settings.group_id}-restore"): ("Describe",),
        ("transactional-id", name): ("Write",),
    }
    wait_until(lambda: found() == expected, "the broker knows of them", 30)


def test_a_prefix_that_belongs_to_another_is_found(strict: str) -> None:
    settings = new_settings(strict)
    grant_to_another(new_admin(settings), ResourceType.TRANSACTIONAL_ID, f"{settings.group_id}-", prefix=True)
    wanted = [right for right in rights_of("consume", settings) if right.kind == "transactional-id"]
    wait_until(lambda: lacking(settings, new_admin(settings), wanted) == [(wanted[0], ("Write",))], "it is known", 30)


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
