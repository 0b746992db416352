"""Which requests a broker understands, up to which version; and how many brokers there are. Leaves no trace.

Kafka's protocol tells no version of the broker, and its client tells nobody what the broker told it (ApiVersions), but
in its own log. So a client that logs that is made, and its log is read.
"""

import logging
import re

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.kafka.clients import admin_properties
from stream.kafka.refusals import unreachable
from stream.settings import Settings

_SAID = re.compile(r"ApiKey (\w+) \(\d+\) Versions \d+\.\.(\d+)")
_POLL_S = 0.2


class _Ears(logging.Handler):
    """Keeps what was said of requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Called by Kafka's client."""
        if match := _SAID.search(record.getMessage()):
            self.requests[match[1]] = int(match[2])


def understood(settings: Settings, seconds: float) -> tuple[dict[str, int], int]:
    """The highest version of each request, by name, and the number of brokers; raise BrokerError if none answers.

    The table is empty where the client does not say it in a form that is known.
    """
    ears = _Ears()
    logger = logging.Logger("tinylogbert.requests", logging.DEBUG)  # gone with this call
    logger.addHandler(ears)
    admin = AdminClient(admin_properties(settings, debug="feature", logger=logger))
    try:
        brokers = len(admin.list_topics(timeout=seconds).brokers)
    except KafkaException as error:
        raise unreachable(settings, error) from error
    admin.poll(_POLL_S)
    return ears.requests, brokers
