"""An embedded Apache Kafka: one real KRaft node on localhost, with no Docker and no installed Java.

Knows how to find a Java (``java``), fetch Kafka's jars (``jars``), configure a node (``config``), run it as a
detached process (``process``, ``state``) and tell when it serves (``serving``). Knows nothing of log lines.
"""

from stream.broker.config import Listener
from stream.broker.embedded import EmbeddedBroker, default_data_dir, running_broker
from stream.broker.jars import KAFKA_VERSION
from stream.broker.state import BrokerStatus

__all__ = ["KAFKA_VERSION", "BrokerStatus", "EmbeddedBroker", "Listener", "default_data_dir", "running_broker"]
