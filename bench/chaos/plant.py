"""The broker: on one port and one folder for good, killed without warning and started again on the same data."""

import os
import signal
import time
from pathlib import Path

import psutil

from stream.broker import EmbeddedBroker

_GRACE_S = 0.5
_AFTERWARDS_S = 10.0  # a daemon that found no broker says so with some delay
# A node that was killed is let in again once its session is over. Kafka's 9 s would be most of an outage; with 2 s, the
# leaders of its partitions change while the group coordinator still loads, after which Kafka 4.1.0 may never start the
# timers of a group's members: dead ones stay, and a rebalance waits for them until max.poll.interval.ms is over.
_SETTINGS = {
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",  # looks for dead ones more often
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "500",
    "group.min.session.timeout.ms": "1000",
}


class Plant:
    """``start`` it, ``kill`` it, ``start`` it again; ``stop`` for good. ``away`` are the seconds of each outage."""

    def __init__(self, folder: Path) -> None:
        self.away: list[float] = []
        self._folder = folder
        self._port = 0
        self._killed_at: float | None = None
        self._back_at = -_AFTERWARDS_S
        self._broker = EmbeddedBroker(folder, port=0, settings=_SETTINGS, die_with_parent=True)

    def start(self) -> str:
        """Start it and return its address once it serves; raise BrokerError."""
        address = self._broker.start()
        if not self._port:
            self._port = int(address.rpartition(":")[2])
            self._broker = EmbeddedBroker(self._folder, port=self._port, settings=_SETTINGS, die_with_parent=True)
        if self._killed_at is not None:
            self.away.append(time.monotonic() - self._killed_at)
            self._killed_at, self._back_at = None, time.monotonic()
        return address

    @property
    def missed(self) -> bool:
        """Whether a daemon that starts may have found no broker."""
        return self._killed_at is not None or time.monotonic() - self._back_at < _AFTERWARDS_S

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        pid = self._broker.status().pid
        assert pid is not None, "the broker runs"
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGKILL)
        self._killed_at = time.monotonic()
        process.wait(30)

    def stop(self) -> None:
        """End it; its data stay."""
        self._broker.stop(grace_s=_GRACE_S)
