"""Transactions on a real broker: what a worker hears whose name another has taken, or that is told to end."""

import io
import time

import pytest
from confluent_kafka import KafkaError, KafkaException
from pipeline import DEADLINE_S, new_settings

from stream.kafka.messages import Record
from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable
from stream.kafka.sending import Aborted
from stream.kafka.transaction import Transactions
from stream.logs import new_log
from stream.settings import Settings


def transactions(settings: Settings) -> Transactions:
    return Transactions(settings, Patience(new_log(io.StringIO())))


def keep_sending(sending: Transactions, record: Record) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        sending.emit(record)
        time.sleep(0.01)  # meanwhile the client hears what it says at the next call


def test_whoever_sends_under_a_name_that_another_has_taken_is_told_that_it_may_be_fenced(broker: str) -> None:
    settings = new_settings(broker, worker_id="twin")
    record = Record(settings.scores_topic, b"key", b"value")
    zombie, heir = transactions(settings), transactions(settings)
    zombie.start()
    zombie.emit(record)
    heir.start()
    with pytest.raises(Aborted) as aborted:
        keep_sending(zombie, record)
    assert aborted.value.fenced
    assert not zombie.open


@pytest.mark.parametrize("code", [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._TRANSPORT])
def test_a_daemon_that_is_told_to_end_waits_for_nothing_that_will_pass(code: int) -> None:
    def call() -> None:
        raise KafkaException(KafkaError(code))

    patience = Patience(new_log(io.StringIO()))
    patience.stop = lambda: True
    with pytest.raises(Unreachable):
        patience.repeat(call)
