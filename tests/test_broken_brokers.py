"""What a daemon does when Kafka is not as it should be: it waits and goes on where that is right, or ends with one
clear line where it is not. On a broker of its own, which is stopped, slowed down, emptied and forbidden.
"""

import io
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pipeline import (
    ContentScorer,
    all_read,
    assert_same_windows,
    daemon,
    far_later,
    line,
    new_settings,
    refused,
    running,
    send,
    until_closed,
    wait_until,
)

from stream.broker import EmbeddedBroker
from stream.errors import BrokerError
from stream.kafka.clients import new_consumer
from stream.kafka.confirmed import Confirmed
from stream.kafka.labeltopic import LabelTopic
from stream.kafka.membership import membership
from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable
from stream.logs import new_log
from stream.settings import Settings
from stream.simulator import simulate

SCORER = ContentScorer()
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "group.min.session.timeout.ms": "1000",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker that only this file uses."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("own"), port=0, settings=AUTHORIZER, die_with_parent=True)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def address(own: EmbeddedBroker) -> str:
    found = own.status().bootstrap_servers
    assert found is not None
    return found


def standing_still(own: EmbeddedBroker) -> psutil.Process:
    """The broker's process, stopped: connections stay open, nothing is answered."""
    process = psutil.Process(own.status().pid)
    process.suspend()
    wait_until(lambda: stopped(process), "every thread of the broker stands still")
    return process


def stopped(process: psutil.Process) -> bool:
    """On a busy machine a thread may answer once more after the signal."""
    return all(psutil.Process(thread.id).status() == psutil.STATUS_STOPPED for thread in process.threads())


@pytest.mark.parametrize("worker_id", [None, "one"])
def test_a_broker_that_stands_still_longer_than_a_transaction_may_last_changes_no_window(
    own: EmbeddedBroker, address: str, worker_id: str | None
) -> None:
    settings = new_settings(address, worker_id=worker_id, kafka={"transaction.timeout.ms": "1000"})
    lines = [*simulate(800, seed=21).lines(), far_later()]
    send(settings, lines[:200])
    with running(settings, SCORER) as worker:
        wait_until(lambda: all_read(settings), "the first lines are read")
        send(settings, lines[200:])
        wait_until(lambda: worker.lag() > 0, "there is work")
        process = standing_still(own)
        until = time.monotonic() + 4  # the broker ends transactions that are too old when it goes on
        wait_until(lambda: time.monotonic() > until, "time goes by")
        process.resume()
        until_closed(settings, lines, SCORER)
    assert_same_windows(settings, lines, SCORER)


def test_a_worker_that_stood_still_while_another_took_its_name_ends_and_leaves_that_one_alone(
    address: str, tmp_path: Path
) -> None:
    settings = new_settings(address, worker_id="one", kafka={"session.timeout.ms": "2000"})
    named = ("--worker-id", "one", "--kafka", "session.timeout.ms=2000")
    lines = [*simulate(40, seed=23).lines(), far_later()]
    send(settings, lines[:200])
    with daemon(settings, tmp_path / "zombie", *named) as zombie:
        wait_until(lambda: all_read(settings), "the first one reads")
        zombie.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        with daemon(settings, tmp_path / "heir", *named) as heir:
            send(settings, lines[200:400])
            wait_until(lambda: time.monotonic() > stopped + 3 and all_read(settings), "its heir reads")
            zombie.send_signal(signal.SIGCONT)
            send(settings, lines[400:])
            assert zombie.wait(30) == 1
            assert "another worker has taken this one's place" in (tmp_path / "zombie").read_text()
            until_closed(settings, lines, SCORER)
            assert heir.poll() is None, (tmp_path / "heir").read_text()
    assert_same_windows(settings, lines, SCORER)


def test_a_worker_that_stood_still_and_whose_name_nobody_took_goes_on(address: str, tmp_path: Path) -> None:
    settings = new_settings(address, worker_id="one", kafka={"session.timeout.ms": "2000"})
    lines = [*simulate(40, seed=24).lines(), far_later()]
    send(settings, lines[:200])
    with daemon(settings, tmp_path / "log", "--worker-id", "one", "--kafka", "session.timeout.ms=2000") as process:
        wait_until(lambda: all_read(settings), "it reads")
        process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        send(settings, lines[200:])
        wait_until(lambda: time.monotonic() > stopped + 4, "its session is over")
        process.send_signal(signal.SIGCONT)
        until_closed(settings, lines, SCORER)
        assert process.poll() is None, (tmp_path / "log").read_text()
    assert_same_windows(settings, lines, SCORER)


@pytest.mark.parametrize("name", ["raw_topic", "lines_topic", "scores_topic", "windows_topic"])
def test_a_topic_that_is_deleted_ends_the_worker_with_its_name(address: str, name: str) -> None:
    settings = new_settings(address, kafka={"topic.metadata.propagation.max.ms": "1000"})
    topic = getattr(settings, name)
    send(settings, [line(0, "Receiving block blk_1")])
    with refused(BrokerError, f"{topic} is gone"), running(settings, SCORER) as worker:
        wait_until(lambda: all_read(settings), "the line is read")
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        admin.delete_topics([topic])[topic].result(30)
        if name != "raw_topic":
            send(settings, [line(1, "Received block blk_1"), far_later()])
        wait_until(lambda: worker.ended, "it ends")


def deny(settings: Settings, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    """Take a right from everybody."""
    binding = AclBinding(
        kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, AclPermissionType.DENY
    )
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 0})
    admin.create_acls([binding])[binding].result(30)
    return binding


@pytest.mark.parametrize(
    ("kind", "field", "operation"),
    [
        (ResourceType.TOPIC, "raw_topic", AclOperation.READ),
        (ResourceType.TOPIC, "scores_topic", AclOperation.WRITE),
        (ResourceType.TOPIC, "windows_topic", AclOperation.WRITE),
        (ResourceType.GROUP, "group_id", AclOperation.READ),
    ],
)
def test_a_right_that_is_lost_ends_the_worker_with_one_line(
    address: str, kind: ResourceType, field: str, operation: AclOperation
) -> None:
    settings = new_settings(address)
    send(settings, [line(0, "Receiving block blk_1")])
    with refused(BrokerError, "does not allow it: .*uthoriz"), running(settings, SCORER) as worker:
        wait_until(lambda: all_read(settings), "the line is read")
        binding = deny(settings, kind, getattr(settings, field), operation)
        try:
            send(settings, [line(1, "Received block blk_1"), far_later()])
            wait_until(lambda: worker.ended, "it ends")
        finally:
            forgive(settings, binding)


def forgive(settings: Settings, binding: AclBinding) -> None:
    filters = AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers, "log_level": 0})
    admin.delete_acls([filters])[filters].result(30)


def test_a_group_that_may_not_be_asked_for_is_one_line_where_labels_are_read(address: str) -> None:
    settings = new_settings(address)
    send(settings, [b"Normal"], key=b"blk_1")
    binding = deny(settings, ResourceType.GROUP, f"{settings.group_id}-replay", AclOperation.DESCRIBE)

    def read() -> None:
        while True:  # the client may be done before it hears of it
            LabelTopic(settings, settings.raw_topic).read()

    try:
        with refused(BrokerError, "does not allow it: .*uthoriz"):
            read()
    finally:
        forgive(settings, binding)


# Last: after so long a standstill, a Kafka node may take half a minute until it creates topics again.


def test_offsets_that_a_standing_broker_does_not_confirm_keep_nobody_who_is_told_to_end(
    own: EmbeddedBroker, address: str
) -> None:
    settings, log, told = new_settings(address, guarantee="at-least-once"), io.StringIO(), threading.Event()
    patience = Patience(new_log(log))
    patience.stop = told.is_set
    sending, consumer = Confirmed(settings, patience), new_consumer(settings, **membership(settings))
    place = TopicPartition(settings.raw_topic, 0, 0)
    sending.commit(consumer, [place])
    ends: list[BaseException] = []

    def commit() -> None:
        try:
            sending.commit(consumer, [place])
        except Unreachable as error:
            ends.append(error)

    broker = standing_still(own)
    try:
        waiting = threading.Thread(target=commit, daemon=True)
        waiting.start()
        wait_until(lambda: "waiting for Kafka" in log.getvalue(), "it says what it waits for")
        told.set()
        waiting.join(15)
        assert ends
    finally:
        broker.resume()


def test_while_the_broker_is_away_it_waits_without_spinning_and_ends_when_told(
    own: EmbeddedBroker, address: str, tmp_path: Path
) -> None:
    settings = new_settings(address)
    log = tmp_path / "log"
    send(settings, simulate(20, seed=22).lines())
    with daemon(settings, log) as process:
        wait_until(lambda: all_read(settings), "everything is read")
        send(settings, [line(9, "Receiving block blk_1")])
        broker = standing_still(own)
        try:
            cpu = psutil.Process(process.pid)
            begun, spent = time.monotonic(), sum(cpu.cpu_times()[:2])
            wait_until(lambda: time.monotonic() > begun + 5, "five seconds go by")
            assert sum(cpu.cpu_times()[:2]) - spent < 0.25 * (time.monotonic() - begun)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()
        finally:
            broker.resume()
