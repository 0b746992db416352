"""Runs the whole pipeline with no broker, in the spirit of Kafka Streams' TopologyTestDriver.

The two stages are the real ones; topics are lists, a transaction is a list that is appended on commit, and a crash
throws away what was not committed and restores the windows from the changelog. Nothing moves but when it is told:
which partition is read, how far, when it is committed and how time goes on are the test's. Several workers may share
the raw partitions; one scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zlib import crc32

import orjson

from stream.kafka.messages import Headers, Record
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.lines import LineReader, new_reader
from stream.scoring import Score, Scorer, Surprise
from stream.settings import Settings, load_settings
from stream.windows.records import sealed
from stream.windows.task import WindowTask

START = datetime(2008, 11, 9, 20, 35, 18, tzinfo=UTC)
Place = tuple[str, int]
"""Topic and partition."""


def raw_line(second: int, block: str, text: str = "Receiving block", level: str = "INFO") -> bytes:
    """A line in the form of HDFS_v1, so many seconds after ``START``; ``block`` may name several."""
    stamp = (START + timedelta(seconds=second)).strftime("%y%m%d %H%M%S")
    return f"{stamp} 143 {level} dfs.DataNode: {text} {block}".encode()


def epoch_ms(second: int) -> int:
    """The event time of ``raw_line(second, …)``."""
    return int((START + timedelta(seconds=second)).timestamp()) * 1000


class Fingerprint:
    """A scorer whose score is a hash of the texts in order, so that equal scores mean equal windows.

    Windows with ``exception`` in a text are anomalous; every line that says it is evidence.
    """

    checkpoint = "fingerprint"
    material = 0.5

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [self._score(texts) for texts in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return [Surprise(i, 1.0, ("nothing",)) for i, text in enumerate(window) if "exception" in text]

    def _score(self, texts: Sequence[str]) -> Score:
        anomalous = any("exception" in text for text in texts)
        value = float(crc32("\n".join(texts).encode()))
        return Score(value, 0.01, True, "critical") if anomalous else Score(value, 0.5, False, "normal")


@dataclass(frozen=True)
class FakeMessage:
    """What a consumer returns; see ``stream.kafka.messages.Message``."""

    place: Place
    number: int
    record: Record

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes | None:
        return self.record.key

    def value(self) -> bytes | None:
        return self.record.value

    def headers(self) -> Headers | None:
        return self.record.headers


@dataclass
class Router:
    """The route stage of one worker, its raw partitions, and what it has not committed."""

    stage: RouteStage
    places: list[Place]
    pending: list[Record] = field(default_factory=list)


class Driver:
    """``workers`` share the raw partitions in turns, one of them has all the others; ``now`` is the wall clock, in s.

    ``since``: every source is known to have come to that second before, so that a first line needs no others to be
    believed; None for a new log.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        scorer: Scorer | None = None,
        *,
        sources: int = 1,
        partitions: int = 1,
        workers: int = 1,
        since: int | None = None,
    ) -> None:
        self.settings = settings or load_settings()
        self.now = 0.0
        self.topics: dict[Place, list[FakeMessage]] = {}
        self._scorer = scorer or Fingerprint()
        self._partitions = partitions
        self._raw = [(self.settings.raw_topic, n) for n in range(partitions if self.settings.keyed_input else sources)]
        self._inputs = [(self.settings.input_topic, n) for n in range(partitions)]
        self._committed: dict[Place, int] = dict.fromkeys(self.places, 0)
        self._notes: dict[int, str] = {}
        self._spread = count()
        self.workers = workers
        self._routers: list[Router] = []
        self._positions: dict[Place, int] = {}
        if since is not None:
            self._begin(epoch_ms(since))
        self.crash()

    @property
    def places(self) -> list[Place]:
        """The partitions that are read."""
        return list(dict.fromkeys([*self._raw, *self._inputs]))

    # ── what a test does ──

    def send(self, *lines: bytes, partition: int | None = None, key: str | None = None) -> None:
        """Write lines to the raw topic: to a partition, or where ``key`` belongs, or to one after the other."""
        for line in lines:
            number = partition if key is None else self._where(key.encode())
            if number is None:
                number = next(self._spread) % len(self._raw)
            self._append(Record(self.settings.raw_topic, key.encode() if key else None, line, None, number))

    def read(self, place: Place, most: int = 1_000_000) -> None:
        """Hand up to ``most`` waiting messages of a partition to its stage, and its end if that is reached."""
        begin = self._positions[place]
        waiting = self.topics.get(place, [])
        router = self._router(place)
        messages = waiting[begin : begin + most]
        if messages and router:
            router.stage.lines_of(place[1], messages, router.pending.append)
        elif messages:
            self._score.lines_of(place[1], messages)
        self._positions[place] = min(begin + most, len(waiting))
        if self._positions[place] == len(waiting):
            self._at_end(place)

    def commit(self) -> None:
        """What workers do at the end of a commit interval: see ``stream.kafka.commit``."""
        for worker in range(len(self._routers)):
            self.commit_route(worker)
        self.commit_score()

    def commit_route(self, worker: int) -> None:
        """The first half of it, by one worker."""
        router = self._routers[worker]
        router.stage.tell(self.now, router.pending.append)
        self._notes |= router.stage.notes()
        self._happen(router.pending, router.places)

    def commit_score(self) -> None:
        """The second half of it."""
        pending: list[Record] = []
        self._score.publish(self.now, pending.append)
        self._happen(pending, self._inputs)

    def crash(self) -> None:
        """Lose all that is not committed, and begin again as new workers do."""
        self._positions = dict(self._committed)
        reader = new_reader(form=self.settings.format, block_pattern=self.settings.block_pattern, cache=1000)
        self._score = ScoreStage(self.settings, self._scorer, reader)
        for _, partition in self._inputs:
            self._score.assign(partition, self._restored(partition))
        if not self.settings.keyed_input:
            self._routers = [self._new_router(worker, reader) for worker in range(self.workers)]

    @property
    def waiting(self) -> bool:
        """Whether there is anything to read, or to judge."""
        return self._score.waiting or any(
            self._positions[place] < len(self.topics.get(place, [])) for place in self.places
        )

    def step(self, batch: int = 1_000_000) -> None:
        """Read up to ``batch`` messages of each partition, and commit."""
        for place in self.places:
            self.read(place, batch)
        self.commit()

    def settle(self, batch: int = 1_000_000) -> "Driver":
        """Go on, ``batch`` messages of each partition at a time, until nothing is waiting."""
        self.step(batch)
        while self.waiting:
            self.step(batch)
        return self

    def pass_time(self, seconds: float) -> "Driver":
        """Let wall-clock time go by while nothing comes."""
        self.settle()
        self.now += seconds
        return self.settle()

    def run(self, *lines: bytes, batch: int = 1_000_000) -> "Driver":
        """Send lines, keyed by their block where the input is, and settle."""
        for line in lines:
            self.send(line, key=line.split()[-1].decode() if self.settings.keyed_input else None)
        return self.settle(batch)

    # ── what a test looks at ──

    def task(self, partition: int = 0) -> WindowTask:
        """The windows of an input partition as they are now; a crash makes new ones."""
        return self._score.task(partition)

    def events(self, topic: str | None = None) -> list[dict[str, Any]]:
        """The events of the scores topic, or of another, in the order in which they were published."""
        values = [message.value() for message in self.topics.get((topic or self.settings.scores_topic, 0), [])]
        return [orjson.loads(value) for value in values if value is not None]

    def closed(self) -> list[dict[str, Any]]:
        """The events of closed windows."""
        return [event for event in self.events() if event["status"] == "closed"]

    def dead_letters(self) -> list[FakeMessage]:
        """Messages of the dead-letter topic."""
        return self.topics.get((self.settings.dead_letter_topic, 0), [])

    def changelog(self, partition: int) -> dict[bytes, bytes]:
        """The changelog of a partition as compaction leaves it: the last value of each key, no tombstones."""
        last: dict[bytes, bytes | None] = {}
        for message in self.topics.get((self.settings.windows_topic, partition), []):
            last[message.key() or b""] = message.value()
        return {key: value for key, value in last.items() if value is not None}

    # ── inside ──

    def _restored(self, partition: int) -> WindowTask:
        task = self._score.new_task(partition)
        for message in self.topics.get((self.settings.windows_topic, partition), []):
            task.take(message.key() or b"", message.value())
        task.restored()
        return task

    def _new_router(self, worker: int, reader: LineReader) -> Router:
        stage = RouteStage(self.settings, reader, len(self._raw), self._partitions, self._ends)
        places = self._raw[worker :: self.workers]
        for place in places:
            stage.assign(place[1], self._committed[place], self._notes.get(place[1]))
        return Router(stage, places)

    def _router(self, place: Place) -> Router | None:
        return next((router for router in self._routers if place in router.places), None)

    def _ends(self, partitions: list[int]) -> dict[int, int]:
        return {n: len(self.topics.get((self.settings.raw_topic, n), [])) for n in partitions}

    def _begin(self, since: int) -> None:
        """Leave what an earlier worker would have left of the clocks, in the form that it had first."""
        clock = orjson.dumps({"progress": since, "sources": []})
        if self.settings.keyed_input:
            for _, partition in self._inputs:
                self._append(Record(self.settings.windows_topic, b"c", sealed(clock), None, partition))
        else:
            self._notes = {partition: clock.decode() for _, partition in self._raw}

    def _happen(self, pending: list[Record], places: list[Place]) -> None:
        for record in pending:
            self._append(record)
        pending.clear()
        self._committed |= {place: self._positions[place] for place in places}

    def _append(self, record: Record) -> None:
        partition = record.partition
        if partition is None:
            partition = self._where(record.key or b"") if record.topic == self.settings.lines_topic else 0
        messages = self.topics.setdefault((record.topic, partition), [])
        messages.append(FakeMessage((record.topic, partition), len(messages), record))

    def _where(self, key: bytes) -> int:
        return crc32(key) % self._partitions

    def _at_end(self, place: Place) -> None:
        if router := self._router(place):
            idle_since = self.now - self.settings.idle_after / 1000  # it is idle at once
            router.stage.at_end(place[1], idle_since, self._positions[place])
        else:
            self._score.at_end(place[1], self.now)
