"""Whether the topics of a running pipeline are still there, and still allowed, and this client still let in.

A client that misses a topic goes on asking for it, and says nothing of it for as long as a transaction may last, or for
ever; one whose password no longer fits goes on trying it. So a worker looks for itself.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from stream.errors import BrokerError
from stream.kafka.clients import Admin, new_admin
from stream.kafka.refusals import DENIED, GONE, kafka_errors
from stream.kafka.topicrules import topic_specs
from stream.settings import Settings

_TIMEOUT_S = 30.0
_EVERY_S = 2.0


def require_topics(settings: Settings) -> None:
    """Raise BrokerError, naming it, if a topic is gone or forbidden; Unreachable if no broker answers."""
    admin = new_admin(settings)  # named: a client that nobody holds takes its answers with it
    for name, future in _described(settings, admin).items():
        try:
            with kafka_errors(settings):
                future.result(_TIMEOUT_S)
        except BrokerError as error:
            if isinstance(cause := error.__cause__, KafkaException) and cause.args[0].code() in GONE:
                raise BrokerError(f"the topic {name} is gone; create it again: tinylogbert topics create") from error
            raise


class Presence:
    """Asks every two seconds, and waits for no answer; what looks bad is asked once more with a client of its own."""

    def __init__(self, settings: Settings, admin: Admin, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._admin = admin
        self._clock = clock
        self._asked: dict[str, Future[Any]] = {}
        self._next = clock() + _EVERY_S

    def look(self) -> None:
        """Call it often. Raises what ``require_topics`` raises."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + _EVERY_S
        if self._admin.refusal() or any(_is_bad(future) for future in self._asked.values()):
            require_topics(self._settings)
        self._asked = _described(self._settings, self._admin)


def _described(settings: Settings, admin: AdminClient) -> dict[str, Future[Any]]:
    asked: dict[str, Future[Any]] = admin.describe_topics(TopicCollection([s.name for s in topic_specs(settings)]))
    return asked


def _is_bad(future: Future[Any]) -> bool:
    """Not so if there is no answer: a broker that is away is no topic that is gone."""
    error = future.exception() if future.done() else None
    return isinstance(error, KafkaException) and error.args[0].code() in (*GONE, *DENIED)
