"""What one KRaft node on localhost is told: its properties, its logging, the JVM's flags, its ports.

Pure but for ``choose_ports``, which asks the kernel. Knows nothing of processes.
"""

import base64
import errno
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stream.broker.java import Java
from stream.errors import BrokerError

HOST = "127.0.0.1"
DEFAULT_PORTS = (9092, 9093)
NODE_ID = "1"

# One node: every internal topic has one replica, and few partitions, so that it starts fast.
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": NODE_ID,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(8 * 1024 * 1024),
}

LOG4J2 = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


@dataclass(frozen=True)
class Ports:
    """Where clients connect, and where the controller listens."""

    broker: int
    controller: int

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients are given."""
        return f"{HOST}:{self.broker}"


@dataclass(frozen=True)
class Listener:
    """One more way in, on ``port``: ``protocol`` is SSL, SASL_SSL or SASL_PLAINTEXT, ``name`` in capitals.

    ``properties`` are Kafka's for this listener alone, such as ``ssl.keystore.location``.
    """

    name: str
    protocol: str
    port: int
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients are given."""
        return f"{HOST}:{self.port}"


def server_properties(logs: Path, ports: Ports, settings: Mapping[str, str], listeners: Sequence[Listener] = ()) -> str:
    """The text of server.properties; ``settings`` go over the defaults of a single node."""
    voters = f"{NODE_ID}@{HOST}:{ports.controller}"
    doors = [f"PLAINTEXT://{HOST}:{ports.broker}", *(f"{one.name}://{HOST}:{one.port}" for one in listeners)]
    protocols = [SINGLE_NODE["listener.security.protocol.map"], *(f"{one.name}:{one.protocol}" for one in listeners)]
    own = {
        "listeners": ",".join([*doors, f"CONTROLLER://{HOST}:{ports.controller}"]),
        "advertised.listeners": ",".join(doors),
        "listener.security.protocol.map": ",".join(protocols),
        # Static voters, since the controller's port may differ at the next start; dynamic ones are data.
        "controller.quorum.voters": voters,
        "log.dirs": str(logs),
        **{
            f"listener.name.{one.name.lower()}.{key}": value
            for one in listeners
            for key, value in one.properties.items()
        },
    }
    merged = {**SINGLE_NODE, **own, **settings}
    return "".join(f"{key}={_escaped(value)}\n" for key, value in merged.items())


def jvm_flags(java: Java, heap: str, log4j2: Path) -> list[str]:
    """Flags of the broker's JVM; ``heap`` is its greatest heap as ``-Xmx`` takes it, such as ``1g``.

    The full compiler is kept. With C1 alone (-XX:TieredStopAtLevel=1) the broker served after 1.3 s, not
    1.7 s; over 3 million records no difference showed, over 10 million (one run each) it took some 15 % less.
    """
    flags = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", "-Djava.awt.headless=true"]
    if java.major >= 24:  # warnings about what Kafka and zstd-jni do are of no use to the reader of the log
        flags += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [*flags, f"-Dlog4j2.configurationFile={log4j2.as_uri()}"]


def new_cluster_id() -> str:
    """A random id as Kafka writes one: 16 bytes in URL-safe base64; a leading dash would be an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def choose_ports(asked: int | None, defaults: tuple[int, int] = DEFAULT_PORTS) -> Ports:
    """Ports that are free now. ``asked``: a port, 0 for any free one, None for the defaults if they are free.

    Raises:
        BrokerError: the port that was asked for is taken, or may not be used.
    """
    if asked:
        if problem := _bind_error(asked):
            raise BrokerError(
                f"port {asked} on {HOST} cannot be used: {problem}; choose another --port, or leave it out"
            )
        broker = asked
    else:
        broker = _first_free([] if asked == 0 else [defaults[0]], unlike=0)
    beside = defaults[1] if asked is None else asked + 1
    return Ports(broker, _first_free([beside] if 1 < beside < 65536 else [], unlike=broker))


def _first_free(wanted: list[int], unlike: int) -> int:
    for port in wanted:
        if port != unlike and _bind_error(port) is None:
            return port
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port != unlike:
            return port


def _bind_error(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the JVM does: TIME_WAIT does not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return "another program uses it" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return None


def _escaped(value: str) -> str:
    """A value for java.util.Properties, where a backslash escapes and a line's end ends it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
