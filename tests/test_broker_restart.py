"""A broker that goes and comes back beneath a running worker: nothing is lost, nothing doubled, and it goes on."""

import io
import time
from pathlib import Path

import pytest
from pipeline import ContentScorer, all_read, assert_same_windows, far_later, new_settings, running, send, until_closed
from pipeline import read_topic as read
from pipeline import wait_until as wait

from stream.broker import EmbeddedBroker
from stream.kafka.clients import new_consumer
from stream.kafka.membership import membership
from stream.kafka.messages import Record
from stream.kafka.patience import Patience
from stream.kafka.sending import Aborted
from stream.kafka.transaction import Transactions
from stream.logs import new_log
from stream.simulator import simulate

SCORER = ContentScorer()


def two_of(folder: Path) -> tuple[EmbeddedBroker, str, EmbeddedBroker]:
    """A broker that runs, its address, and the same broker after a restart."""
    broker = EmbeddedBroker(folder, port=0, die_with_parent=True)
    address = broker.start()
    return broker, address, EmbeddedBroker(folder, port=int(address.rpartition(":")[2]), die_with_parent=True)


def test_the_worker_goes_on_where_the_broker_goes_on(tmp_path: Path) -> None:
    broker, address, again = two_of(tmp_path / "broker")
    lines = [*simulate(40, seed=13).lines(), far_later()]
    half = len(lines) // 2
    try:
        settings = new_settings(address, worker_id="one")  # back in its group at once
        send(settings, lines[:half])
        with running(settings, SCORER):
            wait(lambda: all_read(settings), "the first half is read")
            broker.stop()
            again.start()
            send(settings, lines[half:])
            until_closed(settings, lines, SCORER)
        assert_same_windows(settings, lines, SCORER)
    finally:
        again.stop()


def test_a_transaction_whose_records_are_lost_with_the_broker_keeps_nobody_waiting(tmp_path: Path) -> None:
    broker, address, again = two_of(tmp_path / "broker")
    try:
        settings = new_settings(address, worker_id="one", kafka={"message.timeout.ms": "1000"})
        sending = Transactions(settings, Patience(new_log(io.StringIO())))
        consumer = new_consumer(settings, **membership(settings))
        sending.start()
        sending.emit(Record(settings.scores_topic, b"key", b"kept"))
        sending.commit(consumer, [])
        sending.emit(Record(settings.scores_topic, b"key", b"undone"))
        broker.stop()
        begun = time.monotonic()
        with pytest.raises(Aborted):
            sending.commit(consumer, [])
        assert time.monotonic() - begun < 10  # the broker is still away: no end of this transaction is waited for
        again.start()
        sending.start()
        sending.emit(Record(settings.scores_topic, b"key", b"after"))
        sending.commit(consumer, [])
        assert [message.value() for message in read(settings, settings.scores_topic)] == [b"kept", b"after"]
    finally:
        again.stop()
