"""Where raw partitions end by now, asked of Kafka. Knows nothing of what it is asked for."""

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.settings import Settings

_TIMEOUT_S = 2.0


class RawEnds:
    """Call it with partitions of the raw topic; see ``stream.kafka.route.Ends``. One request a call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: AdminClient | None = None

    def __call__(self, partitions: list[int]) -> dict[int, int] | None:
        """The last stable offset of each: what lies before it is committed, or will never be. None without an answer;
        the next call asks through a new client, since one that has seen brokers go may hold on to what it knew.
        """
        places = {TopicPartition(self._settings.raw_topic, number): OffsetSpec.latest() for number in partitions}
        try:
            self._admin = self._admin or new_admin(self._settings)
            answers = self._admin.list_offsets(
                places, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_TIMEOUT_S
            )
            return {place.partition: answer.result().offset for place, answer in answers.items()}
        except (KafkaException, BrokerError):
            self._admin = None
            return None
