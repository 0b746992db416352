"""What the tests share: one real broker a session, topics with random names, the real lines if present."""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from stream.broker import EmbeddedBroker

# Models here are tiny and other processes have work: threads of torch that spin for each other take longer than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A running broker on free ports; it ends with the session, and with the process if that is killed."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"), port=0, die_with_parent=True)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def broker(embedded_broker: EmbeddedBroker) -> str:
    """The bootstrap servers of the session's broker."""
    address = embedded_broker.status().bootstrap_servers
    assert address is not None
    return address


@pytest.fixture
def topic_name() -> Callable[..., str]:
    """Makes names that no other test uses."""

    def make(prefix: str = "topic") -> str:
        return f"{prefix}-{uuid.uuid4().hex[:12]}"

    return make


@pytest.fixture
def create_topic(broker: str, topic_name: Callable[..., str]) -> Callable[..., str]:
    """Creates a topic on the session's broker and returns its name."""

    def create(prefix: str = "topic", partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = topic_name(prefix)
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})  # dropped early, it would cancel the request
        admin.create_topics([topic])[name].result(timeout=30)
        return name

    return create


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real HDFS lines, which is no part of the project."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real HDFS lines (../shared/data) are not on this machine")
    return folder
