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

from confluent_kafka import KafkaException, Producer

from stream.kafka.patience import Patience

STANDSTILL_S = 10.0
"""How long the cluster answers, and the coordinator does not, before a client is given up, in s."""
_ASK_S = 0.5


def back(call: Callable[[], None], seconds: float) -> None:
    """Call in a thread of its own; raise what it raises, or TimeoutError if it is not back in time: it is left behind.

    ``seconds`` above 0.
    """
    failures: list[KafkaException] = []

    def run() -> None:
        try:
            call()
        except KafkaException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if failures:
        raise failures[0]


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
