"""Calls of Kafka's client that never end, though the cluster answers: such a client has to be left behind.

A transactional client keeps one connection for its coordinator. Where the broker at its other end was restarted, or
taken off the client's list meanwhile, librdkafka 2.10 to 2.16 may never open it again: the calls time out one after
another, and ``send_offsets_to_transaction`` waits for ever whatever its timeout says
(https://github.com/confluentinc/librdkafka/issues/5511). A new client finds its coordinator at once, and ends by its
beginning what the one before has left open.
"""

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.kafka.patience import Patience
from stream.kafka.refusals import Unreachable

STANDSTILL_S = 10.0
"""How long the cluster answers, and the coordinator does not, before a client is given up, in s."""
_ASK_S = 0.5
_SLICE_S = 2.0


class Beside:
    """A call in a thread of its own, which is under way from now on."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._failures: list[Exception] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def back(self, seconds: float) -> bool:
        """Whether it is back, within so many seconds (above 0); raise what it has raised."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._failures:
            raise self._failures[0]
        return True

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # whatever it is, it did not happen
            self._failures.append(error)


def back(call: Callable[[], object], seconds: float) -> None:
    """Call in a thread of its own; raise what it raises, or TimeoutError if it is not back in time: it is left behind.

    ``seconds`` above 0.
    """
    if not Beside(call).back(seconds):
        raise TimeoutError


def awaited(patience: Patience, call: Callable[[], object], slice_s: float = _SLICE_S) -> None:
    """Call in a thread of its own and wait for its end, however long that takes, as ``Patience`` waits: it is said, and
    who is told to end leaves it behind. Raises what the call raises, what ``patience.look`` raises, and Unreachable.
    """
    beside = Beside(call)
    while not beside.back(slice_s):
        away = KafkaError(KafkaError._TIMED_OUT, "there is no answer")
        if patience.stop():
            raise Unreachable(f"Kafka cannot do it now: {away.str()}")
        patience.say(away)
        patience.look()


def resumed(
    patience: Patience, client: Producer, call: Callable[[], object], clock: Callable[[], float] = time.monotonic
) -> None:
    """Call until it is done, as ``Patience.repeat`` does. Raises TimeoutError once nothing of the client's records has
    moved for ``STANDSTILL_S`` while a broker answered: a cluster that is away may stay away as long as it likes.
    """
    since, waiting = clock(), len(client)

    def watched() -> None:
        nonlocal since, waiting
        try:
            call()
        except KafkaException:
            if len(client) != waiting or not _answers(client):
                since, waiting = clock(), len(client)
            elif clock() - since >= STANDSTILL_S:
                raise TimeoutError from None
            raise

    patience.repeat(watched)


def _answers(client: Producer) -> bool:
    try:
        client.list_topics(timeout=_ASK_S)
    except KafkaException:
        return False
    return True
