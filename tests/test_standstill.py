"""A client whose calls never end though the cluster answers is left behind; one whose cluster is away waits."""

import io
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable
from stream.kafka.standstill import STANDSTILL_S, awaited, back, resumed
from stream.logs import new_log


class Client:
    """Kafka's client, as far as it is asked: how many records it still has to send, and whether a broker answers."""

    def __init__(self, *, answers: bool, waiting: int = 3) -> None:
        self.answers, self.waiting, self.asked = answers, waiting, 0

    def __len__(self) -> int:
        return self.waiting

    def list_topics(self, timeout: float) -> None:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def commit(self) -> None:
        """Ten calls do not come back in time; the next one is done."""
        self.asked += 1
        if self.asked <= 10:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


class Clock:
    """A quarter of the time that is too long goes by between two looks."""

    now = 0.0

    def __call__(self) -> float:
        self.now += STANDSTILL_S / 4
        return self.now


def resume(client: Client, stop: bool = False) -> None:
    patience = Patience(new_log(io.StringIO()), pause_s=0)
    patience.stop = lambda: stop
    resumed(patience, client, client.commit, Clock())  # type: ignore[arg-type]


def test_a_call_that_does_not_end_though_a_broker_answers_is_given_up() -> None:
    client = Client(answers=True)
    with pytest.raises(TimeoutError):
        resume(client)
    assert 2 <= client.asked <= 5


def test_a_cluster_that_is_away_is_waited_for() -> None:
    client = Client(answers=False)
    resume(client)
    assert client.asked == 11


def test_a_client_that_still_gets_rid_of_records_is_not_given_up() -> None:
    class Busy(Client):
        def commit(self) -> None:
            self.waiting -= 1
            super().commit()

    client = Busy(answers=True, waiting=20)
    resume(client)
    assert client.asked == 11


def test_who_is_told_to_end_gives_up_at_once() -> None:
    client = Client(answers=False)
    with pytest.raises(Unreachable):
        resume(client, stop=True)
    assert client.asked == 1


def test_a_call_that_waits_for_ever_is_left_behind() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError):
        back(lambda: over.wait() and None, 0.01)
    over.set()


def test_what_a_call_raises_in_time_is_raised() -> None:
    def call() -> None:
        raise KafkaException(KafkaError(KafkaError._FENCED))

    with pytest.raises(KafkaException):
        back(call, 60)


def test_no_error_at_all_is_taken_for_success() -> None:
    def call() -> None:
        raise RuntimeError("Kafka's client is closed")

    with pytest.raises(RuntimeError, match="closed"):
        back(call, 60)


def test_what_is_waited_for_is_said_and_its_end_is_the_end_of_waiting() -> None:
    over, log = threading.Event(), io.StringIO()
    patience = Patience(new_log(log), look=over.set)
    awaited(patience, over.wait, slice_s=0.01)
    assert "waiting for Kafka" in log.getvalue()


def test_who_is_told_to_end_leaves_a_call_behind_that_does_not_end() -> None:
    over = threading.Event()
    patience = Patience(new_log(io.StringIO()))
    patience.stop = lambda: True
    with pytest.raises(Unreachable):
        awaited(patience, over.wait, slice_s=0.01)
    over.set()
