"""What the tests share: one real broker a session, topics with random names, the real lines if present."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pipeline import wait_until_led

from stream.broker import EmbeddedBroker

# Models here are tiny and other processes have work: threads of torch that spin for each other take longer than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


_BROKER = pytest.StashKey[EmbeddedBroker]()
_FOLDER = "broker_folder"
# Files of a minute and more, begun first where several processes share the work: the last one makes all others wait.
_LONG = (
    *("broker_restart", "serve_page", "deploy", "chaos", "readme", "tutorial", "serve", "demo", "broken_brokers"),
    *("bench_speed", "kafka_security", "resume", "together", "workers", "any_speed", "training", "bench_longrun"),
    *("notebook", "bench_detection", "bench_state", "bench_page", "pipeline_on_kafka"),
)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Several processes run the tests (pytest-xdist): the one that starts them has the broker that they share."""
    if _BROKER not in node.config.stash:
        node.config.stash[_BROKER] = EmbeddedBroker(Path(tempfile.mkdtemp()), port=0, die_with_parent=True)
        node.config.stash[_BROKER].start()
    node.workerinput[_FOLDER] = str(node.config.stash[_BROKER].data_dir)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; all else in its order."""
    place = {f"test_{name}": number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """That broker ends with the session."""
    if broker := config.stash.get(_BROKER, None):
        broker.stop()
        shutil.rmtree(broker.data_dir)


@pytest.fixture(scope="session")
def embedded_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedBroker]:
    """A running broker on free ports; it ends with the session, and with the process if that is killed."""
    if folder := getattr(request.config, "workerinput", {}).get(_FOLDER):
        yield EmbeddedBroker(Path(folder))
        return
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

        wait_until_led(admin, name, partitions)
        return name

    return create


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real HDFS lines, which is no part of the project."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real HDFS lines (../shared/data) are not on this machine")
    return folder
