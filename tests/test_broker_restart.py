"""A broker that goes and comes back beneath a running worker: nothing is lost, nothing doubled, and it goes on."""

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pipeline import (
    ContentScorer,
    all_read,
    assert_same_windows,
    far_later,
    new_producer,
    new_settings,
    running,
    send,
    until_closed,
)
from pipeline import read_topic as read
from pipeline import wait_until as wait
from restarted import two_of

from stream.broker import EmbeddedBroker
from stream.kafka.changelog import read_changelog
from stream.kafka.claim import Claim
from stream.kafka.clients import committed_offsets, new_admin, new_consumer, offsets_of, partitions_of
from stream.kafka.membership import membership
from stream.kafka.messages import Record
from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable
from stream.kafka.sending import Aborted
from stream.kafka.transaction import Transactions
from stream.logs import new_log
from stream.simulator import simulate

SCORER = ContentScorer()


def test_the_worker_goes_on_where_the_broker_goes_on(tmp_path: Path) -> None:
    lines = [*simulate(40, seed=13).lines(), far_later()]
    half = len(lines) // 2
    with two_of(tmp_path / "broker") as (broker, address, again):
        settings = new_settings(address, worker_id="one")  # back in its group at once
        send(settings, lines[:half])
        with running(settings, SCORER):
            wait(lambda: all_read(settings), "the first half is read")
            broker.stop()
            again.start()
            send(settings, lines[half:])
            until_closed(settings, lines, SCORER)
        assert_same_windows(settings, lines, SCORER)


def test_a_transaction_whose_records_are_lost_with_the_broker_keeps_nobody_waiting(tmp_path: Path) -> None:
    with two_of(tmp_path / "broker") as (broker, address, again):
        settings = new_settings(address, worker_id="one", kafka={"message.timeout.ms": "1000"})
        sending = Transactions(settings, Patience(new_log(io.StringIO())))
        consumer = new_consumer(settings, **membership(settings))
        sending.start()
        sending.emit(Record(settings.scores_topic, b"key", b"kept"))
        sending.commit(consumer, [])
        broker.stop()
        sending.emit(Record(settings.scores_topic, b"key", b"undone"))  # sent before, it might have been written
        begun = time.monotonic()
        with pytest.raises(Aborted):
            sending.commit(consumer, [])
        assert time.monotonic() - begun < 10  # the broker is still away: no end of this transaction is waited for
        again.start()

        def committed() -> bool:
            try:
                sending.start()
                sending.emit(Record(settings.scores_topic, b"key", b"after"))
                sending.commit(consumer, [])
            except Aborted:  # a broker that has just begun may take longer than a record has here
                return False
            return True

        wait(committed, "the next transaction is written")
        assert [message.value() for message in read(settings, settings.scores_topic)] == [b"kept", b"after"]


def test_what_a_worker_asks_while_the_broker_is_away_it_asks_until_it_is_back(tmp_path: Path) -> None:
    with two_of(tmp_path / "broker") as (broker, address, again):
        settings = new_settings(address, worker_id="one", kafka={"session.timeout.ms": "1000"})
        patience, over = Patience(new_log(io.StringIO())), threading.Event()
        patience.stop = over.is_set
        consumer, admins = new_consumer(settings, **{"group.id": settings.group_id}), [new_admin(settings)] * 2
        places = partitions_of(consumer, settings, settings.raw_topic)

        def changelog() -> None:  # the first two times through a client that knows the broker
            read_changelog(settings, admins.pop() if admins else new_admin(settings), [0], lambda *record: None)

        asked: dict[str, Callable[[], object]] = {
            "offsets": lambda: patience.repeat(lambda: offsets_of(consumer, places[0], 0)),
            "committed": lambda: patience.repeat(lambda: committed_offsets(consumer, places, 0)),
            "changelog": lambda: patience.repeat(changelog),
            "claim": Claim(settings, patience).make,
        }
        for call in asked.values():
            call()
        broker.stop()
        with ThreadPoolExecutor(len(asked)) as pool:
            under_way = {name: pool.submit(call) for name, call in asked.items()}
            begun = time.monotonic()
            wait(lambda: time.monotonic() > begun + 5, "they ask in vain")
            try:
                assert {name: call.exception() for name, call in under_way.items() if call.done()} == {}
                again.start()
                for answer in under_way.values():
                    answer.result(60)
            finally:
                over.set()


def test_a_broker_that_goes_while_a_changelog_is_read_is_waited_for_and_no_damage(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", port=0, die_with_parent=True)
    try:
        settings = new_settings(broker.start())
        producer = new_producer(settings, **{"transactional.id": "open"})
        producer.init_transactions()
        producer.begin_transaction()
        producer.produce(settings.windows_topic, b"value", b"key", partition=0)
        assert producer.flush(60) == 0
        with ThreadPoolExecutor(1) as pool:  # what is not decided is waited for, so that it reads on
            reading = pool.submit(read_changelog, settings, new_admin(settings), [0], lambda *record: None)
            with pytest.raises(TimeoutError):
                reading.result(2)
            broker.stop()
            assert isinstance(reading.exception(30), Unreachable)
    finally:
        broker.stop()
