"""Whether a broker serves: answers a real request as a member of its cluster. An open port is too little."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_REQUEST_S = 1.0


class Probe:
    """Asks one broker again and again, over one client."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._client = AdminClient(
            {
                "bootstrap.servers": bootstrap_servers,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,  # refused connections are what it waits through
            }
        )

    def serves(self) -> bool:
        """Whether the broker describes a cluster of which it is an unfenced member; takes up to a second."""
        try:
            cluster = self._client.describe_cluster(request_timeout=_REQUEST_S).result(timeout=2 * _REQUEST_S)
        except (KafkaException, TimeoutError):
            return False
        return bool(cluster.nodes)
