"""Sends log lines to a topic: as fast as it goes, or by the log's own clock. Knows no file and shows no progress."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import cycle

from confluent_kafka import KafkaError, KafkaException

from stream.errors import BrokerError
from stream.kafka.clients import new_producer
from stream.kafka.messages import LABEL
from stream.kafka.refusals import refused
from stream.lines import MAX_BLOCKS, BadLine, LineReader, block_ids
from stream.settings import Settings

Labelled = tuple[bytes, bool | None]
"""A raw line without its newline, and whether its block is known to be anomalous."""

_GIVE_UP_MS = 30_000
_ASK_S = 5.0
_ANY = -1  # the client's own choice
_EVERY_LINES = 1_000
_NAP_S = 0.1
_HEADERS: dict[bool | None, list[tuple[str, bytes]] | None]
_HEADERS = {None: None, False: [(LABEL, b"0")], True: [(LABEL, b"1")]}


def labelled(
    lines: Iterable[bytes], labels: Mapping[str, bool], ids: Callable[[bytes], list[bytes]] = block_ids
) -> Iterator[Labelled]:
    """Each line with its label: True if any block that it names is anomalous, None if no block of it is known."""
    known = {block.encode(): label for block, label in labels.items()}
    for raw in lines:
        blocks = ids(raw)
        if len(blocks) == 1:
            yield raw, known.get(blocks[0])
        else:
            found = [known[block] for block in blocks if block in known]
            yield raw, any(found) if found else None


class Pace:
    """When a line is to be sent if the log's clock runs ``speed`` times faster than it did; times in s."""

    def __init__(self, speed: float, reader: LineReader, clock: Callable[[], float]) -> None:
        self._speed = speed
        self._reader = reader
        self._clock = clock
        self._begun = 0.0
        self._first: int | None = None

    def wait(self, raw: bytes) -> float:
        """How long to wait before this line, from now; a line without a time goes with the line before it."""
        try:
            when = self._reader.read(raw).time
        except BadLine:
            return 0.0
        if self._first is None:
            self._first, self._begun = when, self._clock()
        return self._begun + (when - self._first) / 1000 / self._speed - self._clock()


class Sender:
    """Sends lines without a key, or, with ``keyed_input``, one message for each block that a line names; a line that
    names too many to be windowed is sent once, and becomes one dead letter.

    ``speed`` None is as fast as it goes. ``every`` is called now and then, for progress. After ``send`` call
    ``flush``; then ``lines`` (of ``bytes`` in all) were sent, ``empty`` ones were skipped, and ``failed`` messages were
    not delivered, the last one because of ``why``.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        speed: float | None = None,
        every: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.lines = self.bytes = self.empty = self.failed = 0
        self.why = ""
        self._settings = settings
        self._topic = topic
        self._every = every
        self._sleep = sleep
        reader = settings.new_reader()
        self._ids = reader.blocks.ids
        self._pace = Pace(speed, reader, clock) if speed else None
        self._stopped = False
        self._lost = False
        # Only what fails is reported: a callback for each line would cost more than sending it.
        own = {"delivery.report.only.error": True, "on_delivery": self._report, "message.timeout.ms": _GIVE_UP_MS}
        self._producer = new_producer(settings, **own)
        self._turns: Iterator[int] | None = None  # in which partitions take the lines without a key

    def send(self, lines: Iterable[Labelled]) -> None:
        """Send lines until they end or ``stop`` is called; raise BrokerError if Kafka takes none for 30 s."""
        for raw, label in lines:
            if not raw:
                self.empty += 1
                continue
            if self._pace:
                self._wait(self._pace.wait(raw))
            if self._stopped:
                break
            if self._settings.keyed_input:
                blocks = self._ids(raw)
                for key in blocks if 0 < len(blocks) <= MAX_BLOCKS else (None,):
                    self._produce(raw, key, _HEADERS[label])
            else:
                self._produce(raw, None, _HEADERS[label])
            self.lines += 1
            self.bytes += len(raw)
            if self.lines % _EVERY_LINES == 0:
                self._look()

    def flush(self) -> None:
        """Wait until everything is delivered or has failed; raise BrokerError if Kafka takes none for 30 s."""
        while self._producer.flush(_NAP_S):
            self._every()
        self._look()

    def stop(self) -> None:
        """Let ``send`` end soon; may be called from another thread."""
        self._stopped = True

    def _produce(self, raw: bytes, key: bytes | None, headers: list[tuple[str, bytes]] | None) -> None:
        if key is None and self._turns is None:
            self._turns = cycle(self._led())
        partition = next(self._turns) if key is None and self._turns else _ANY
        while True:
            try:
                self._producer.produce(self._topic, raw, key, partition, headers=headers)
                return
            except BufferError:
                self._producer.poll(_NAP_S)
                self._look()
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if cause.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise refused(self._settings, error) from error
                self.failed += 1
                self.why = cause.str()
                return

    def _led(self) -> list[int]:
        """The partitions that have a leader, or any, where nobody tells them.

        Left to itself, the client puts a short log into one of them nearly alone, since it is the first whose broker it
        has found: event time, which waits for the others, would go nowhere.
        """
        try:
            found = self._producer.list_topics(self._topic, timeout=_ASK_S).topics[self._topic].partitions
        except KafkaException:
            return [_ANY]
        return [number for number, place in sorted(found.items()) if place.leader >= 0] or [_ANY]

    def _wait(self, seconds: float) -> None:
        while seconds > 0 and not self._stopped:
            nap = min(seconds, _NAP_S)
            self._sleep(nap)
            seconds -= nap
            self._look()

    def _look(self) -> None:
        self._producer.poll(0)
        if self._lost:
            raise BrokerError(
                f"Kafka at {self._settings.bootstrap_servers} took no line for {_GIVE_UP_MS // 1000} s ({self.why}); "
                f"{self.lines:,} lines were handed over, at least {self.failed:,} of them were not delivered"
            )
        self._every()

    def _report(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self.failed += 1
            self.why = error.str()
            self._lost = self._lost or error.code() == KafkaError._MSG_TIMED_OUT
