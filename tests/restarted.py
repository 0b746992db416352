"""A broker, and the same one after a restart on the port that its clients know."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.broker import EmbeddedBroker

_PORTS = range(
    20_000, 30_000
)  # below those that systems give out by themselves, to clients of other tests among others


@contextmanager
def two_of(folder: Path) -> Iterator[tuple[EmbeddedBroker, str, EmbeddedBroker]]:
    """A broker that runs, its address, and the same broker after a restart, which ends with the block."""
    port = _steady_port()
    broker = EmbeddedBroker(folder, port=port, die_with_parent=True)
    again = EmbeddedBroker(folder, port=port, die_with_parent=True)
    try:
        yield broker, broker.start(), again
    finally:
        again.stop()


def _steady_port() -> int:
    """A free port that is still free after a restart."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
