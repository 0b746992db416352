"""Sends the lines all the while, without keys, so that every accident hits daemons at work. Knows no daemon."""

import math
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from confluent_kafka import KafkaError

from stream.errors import BrokerError
from stream.kafka.clients import new_admin, new_producer, partitions_of
from stream.lines import BadLine, LineReader, block_ids
from stream.settings import Settings

LATER_BLOCK = "blk_999999"
"""The block of the last line, which ends all windows but its own."""

_TICK_S = 0.05
_SPREAD_S = 1.5  # what may be sent is sent over about so long
_BAD_EVERY = 501
_FLUSH_S = 120.0


def with_bad_lines(lines: Sequence[bytes]) -> list[bytes]:
    """The lines, and among them some that cannot be read, no two alike."""
    mixed = []
    for number, line in enumerate(lines):
        if number % _BAD_EVERY == _BAD_EVERY - 1:
            mixed.append(b"\xff is no text, %d" % number)
        mixed.append(line)
    return mixed


def later_line(lines: Sequence[bytes], silence_ms: int) -> bytes:
    """A line that comes so much later than all these that their windows are over."""
    read = LineReader().read
    last = 0
    for line in lines:
        try:
            last = max(last, read(line).time) if block_ids(line) else last
        except BadLine:
            continue
    when = datetime.fromtimestamp(last / 1000, UTC) + timedelta(milliseconds=silence_ms, days=1)
    return f"{when:%y%m%d %H%M%S} 143 INFO dfs.DataNode$DataXceiver: Receiving block {LATER_BLOCK}".encode()


class Feed:
    """A thread that sends what ``allow`` lets it; ``sent`` lines so far. ``finish`` sends the rest and waits."""

    def __init__(self, settings: Settings, lines: Sequence[bytes], later: bytes) -> None:
        self.sent = 0
        self._settings = settings
        self._lines = lines
        self._later = later
        self._limit = 0
        self._failed: list[str] = []
        self._stopped = threading.Event()
        self._partitions = len(partitions_of(new_admin(settings), settings, settings.raw_topic))
        own = {"acks": "all", "message.timeout.ms": 0, "linger.ms": 5, "delivery.report.only.error": True}
        self._producer = new_producer(settings, **own, on_delivery=self._report)
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def allow(self, share: float) -> None:
        """Let this share of the lines, 0 to 1, be sent by and by."""
        self._limit = min(len(self._lines), int(share * len(self._lines)))

    def finish(self) -> None:
        """Send the rest and, to every partition, the last line; raise BrokerError if any was not delivered."""
        self.stop()
        self._send(len(self._lines))
        self._flush()
        for partition in range(self._partitions):
            self._producer.produce(self._settings.raw_topic, self._later, partition=partition)
        self._flush()

    def stop(self) -> None:
        """Send nothing more by itself."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_S):
            missing = self._limit - self.sent
            self._send(self.sent + math.ceil(missing * _TICK_S / _SPREAD_S))
            self._producer.poll(0)

    def _send(self, until: int) -> None:
        for raw in self._lines[self.sent : until]:
            while True:
                try:
                    self._producer.produce(self._settings.raw_topic, raw)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self.sent += 1

    def _flush(self) -> None:
        deadline = time.monotonic() + _FLUSH_S
        while self._producer.flush(1.0):
            if time.monotonic() > deadline:
                raise BrokerError(f"the broker takes no lines: {len(self._producer)} are waiting")
        if self._failed:
            raise BrokerError(f"{len(self._failed)} lines were not delivered, the first: {self._failed[0]}")

    def _report(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failed.append(error.str())
