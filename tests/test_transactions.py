"""Transactions on a real broker: what a worker hears whose name another has taken, or that is told to end."""

import io
import time

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from pipeline import DEADLINE_S, new_settings, read_topic, wait_until

from stream.kafka.clients import new_consumer
from stream.kafka.messages import Record
from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable, fenced
from stream.kafka.sending import Aborted
from stream.kafka.transaction import Transactions
from stream.logs import new_log
from stream.settings import Settings


def transactions(settings: Settings) -> Transactions:
    return Transactions(settings, Patience(new_log(io.StringIO())))


def member(settings: Settings) -> Consumer:
    membership = {"group.id": settings.group_id, "group.instance.id": settings.worker_id, "heartbeat.interval.ms": 3000}
    consumer = new_consumer(settings, **membership)
    consumer.subscribe([settings.raw_topic])
    return consumer


def keep_sending(sending: Transactions, record: Record) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        sending.emit(record)
        time.sleep(0.01)  # meanwhile the client hears what it says at the next call


def test_whoever_sends_under_a_name_that_another_has_taken_is_aborted(broker: str) -> None:
    settings = new_settings(broker, worker_id="twin")
    record = Record(settings.scores_topic, b"key", b"value")
    zombie, heir = transactions(settings), transactions(settings)
    zombie.start()
    zombie.emit(record)
    heir.start()
    with pytest.raises(Aborted):
        keep_sending(zombie, record)
    assert not zombie.open


def test_a_commit_for_a_name_that_the_group_knows_by_another_member_does_not_happen(broker: str) -> None:
    settings = new_settings(broker, worker_id="twin")
    sending = transactions(settings)
    sending.start()
    ours = member(settings)
    wait_until(lambda: ours.poll(0.1) is None and ours.assignment(), "it is a member")
    later = member(settings)
    wait_until(lambda: later.poll(0.1) is None and later.assignment(), "it is known by another id")
    sending.emit(Record(settings.scores_topic, b"key", b"value"))
    with pytest.raises(KafkaException) as error:
        sending.commit(ours, [TopicPartition(settings.raw_topic, 0, 1)])
    assert fenced(error.value)
    assert not sending.open
    later.close()
    assert [message.value() for message in read_topic(settings, settings.scores_topic)] == []


@pytest.mark.parametrize(
    "code",
    [
        *(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._TRANSPORT, KafkaError._WAIT_COORD),
        *(KafkaError.REQUEST_TIMED_OUT, KafkaError._UNKNOWN_PARTITION, KafkaError._NOENT),
    ],
)
def test_a_daemon_that_is_told_to_end_waits_for_nothing_that_will_pass(code: int) -> None:
    def call() -> None:
        raise KafkaException(KafkaError(code))

    patience = Patience(new_log(io.StringIO()))
    patience.stop = lambda: True
    with pytest.raises(Unreachable):
        patience.repeat(call)
