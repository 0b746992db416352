"""What tests of the pipeline on Kafka share: settings with topics of their own, a scorer, a daemon, readers of topics.

No test patches anything: lines go in through Kafka, and what is judged is read back from Kafka, as far as committed.
"""

import io
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TextIO
from zlib import crc32

import pytest
from confluent_kafka import (
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from stream.kafka.clients import committed_offsets, new_admin
from stream.kafka.topics import create_topics
from stream.kafka.worker import Worker
from stream.lines import LineReader
from stream.logs import new_log
from stream.scoring import Score, Scorer, Surprise
from stream.settings import Settings, load_settings
from stream.windows.files import windows_of
from stream.windows.judge import time_text
from stream.windows.window import Window

DEADLINE_S = 60.0
LATER = ("blk_999999", 1)
"""The window of ``far_later``'s own block, which stays open."""

_START = datetime(2008, 11, 9, 20, 0, 0, tzinfo=UTC).timestamp()


class ContentScorer:
    """Scores a window by a checksum of its content: equal content, equal score, and nothing else."""

    checkpoint = "content"
    material = 0.5

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        contents = ["\n".join((str(done), *texts)) for texts, done in zip(windows, complete, strict=True)]
        values = [crc32(content.encode()) % 1000 for content in contents]
        return [Score(v / 10, (1000 - v) / 1000, v > 800, "critical" if v > 800 else "normal") for v in values]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return [Surprise(len(window) - 1, 1.0, ("something else",))]


def new_settings(broker: str, *, create: bool = True, **overrides: Any) -> Settings:
    """Settings with a group and topics that no other test uses; the topics are created unless told otherwise."""
    unique = uuid.uuid4().hex[:10]
    names = ("raw", "lines", "scores", "anomalies", "dead_letter", "windows")
    topics = {f"{name}_topic": f"{name}-{unique}" for name in names}
    defaults: dict[str, Any] = {"bootstrap_servers": broker, "group_id": f"group-{unique}", "partitions": 3}
    defaults |= {"commit_interval": 50, "idle_after": 100, "max_jump": "1000d"}  # so that ``far_later`` is believed
    settings = load_settings(**{**defaults, **topics, **overrides})
    if create:
        create_topics(new_admin(settings), settings)
    return settings


def flags(settings: Settings) -> list[str]:
    """The settings that ``new_settings`` chose, as flags of a command."""
    names = [name for name in type(settings).model_fields if name.endswith("_topic")]
    names += ["bootstrap_servers", "group_id", "partitions", "commit_interval", "idle_after", "max_jump"]
    return [text for name in names for text in (f"--{name.replace('_', '-')}", str(getattr(settings, name)))]


def line(second: float, text: str) -> bytes:
    """A log line, so many seconds after the start of the test's log."""
    stamp = datetime.fromtimestamp(_START + second, UTC).strftime("%y%m%d %H%M%S")
    return f"{stamp} 143 INFO dfs.DataNode$DataXceiver: {text}".encode()


def far_later(days: int = 30) -> bytes:
    """A line that moves event time past the end of every window, its own excepted."""
    return line(days * 86_400, "Receiving block blk_999999 src: /10.0.0.1:1 dest: /10.0.0.2:2")


def new_producer(settings: Settings, **properties: Any) -> Producer:
    """A producer as others have it, silent when the broker has gone."""
    return Producer({"bootstrap.servers": settings.bootstrap_servers, "log_level": 0, **properties})


def send(settings: Settings, lines: Iterable[bytes], **message: Any) -> None:
    """Send lines to the raw topic and wait until they are there."""
    producer = new_producer(settings, **{"message.max.bytes": 20_000_000})
    for raw in lines:
        producer.produce(settings.raw_topic, raw, **message)
    assert producer.flush(DEADLINE_S) == 0


def send_keyed(settings: Settings, lines: Iterable[tuple[bytes, bytes]]) -> None:
    """Send lines with their keys to the raw topic, as Java's clients do, and wait until they are there."""
    producer = new_producer(settings, partitioner="murmur2_random")
    for key, raw in lines:
        producer.produce(settings.raw_topic, raw, key)
    assert producer.flush(DEADLINE_S) == 0


def read_topic(settings: Settings, topic: str) -> list[Message]:
    """Everything that is committed in a topic by now."""
    consumer = _reader(settings.bootstrap_servers)
    count = len(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(count)])
    found: list[Message] = []
    ended: set[int] = set()
    deadline = time.monotonic() + DEADLINE_S
    while len(ended) < count:
        assert time.monotonic() < deadline, f"{topic} does not come to its end"
        for message in consumer.consume(1000, timeout=0.02):
            if (error := message.error()) is None:
                found.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
    consumer.unassign()
    return found


@cache
def _reader(broker: str) -> Consumer:
    properties: dict[str, Any] = {"bootstrap.servers": broker, "group.id": "test", "enable.partition.eof": True}
    properties |= {"isolation.level": "read_committed", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
    return Consumer({**properties, "log_level": 0})


def read_events(settings: Settings, topic: str | None = None) -> list[dict[str, Any]]:
    """The events of the scores topic, or another one."""
    return [json.loads(message.value() or b"") for message in read_topic(settings, topic or settings.scores_topic)]


def closed_windows(settings: Settings) -> dict[tuple[str, int], dict[str, Any]]:
    """The closed events by block and part; no part of a block may have been closed twice."""
    closed = [event for event in read_events(settings) if event["status"] == "closed"]
    found = {(event["block_id"], event["part"]): event for event in closed}
    assert len(found) == len(closed), "a window was closed twice"
    return found


def committed(settings: Settings, topic: str) -> list[int]:
    """The offsets that the group has committed, by partition; 0 where it has none.

    Not through the admin client: librdkafka 2.16 dies of a broker that is not ready to be asked for a group's offsets.
    """
    consumer = _member(settings.bootstrap_servers, settings.group_id)
    found = committed_offsets(consumer, [TopicPartition(topic, number) for number in range(settings.partitions)])
    return [max(place.offset, 0) for place in found]


@lru_cache(maxsize=1)
def _member(broker: str, group: str) -> Consumer:
    return Consumer({"bootstrap.servers": broker, "group.id": group, "log_level": 0})


def all_read(settings: Settings) -> bool:
    """Whether every raw line is routed and every routed line is committed as read."""
    ends = [len(part) for part in by_partition(read_topic(settings, settings.raw_topic), settings.partitions)]
    if committed(settings, settings.raw_topic) != ends:
        return False
    last = [
        max((m.offset() for m in part), default=-1) + 1
        for part in by_partition(read_topic(settings, settings.lines_topic), settings.partitions)
    ]
    return all(done >= end for done, end in zip(committed(settings, settings.lines_topic), last, strict=True))


def by_partition(messages: list[Message], count: int) -> list[list[Message]]:
    return [[m for m in messages if m.partition() == number] for number in range(count)]


def said(event: dict[str, Any]) -> tuple[Any, ...]:
    """What an event says about a window, without how it came about."""
    names = ("score", "p_value", "anomalous", "severity", "lines", "first_time", "last_time")
    return tuple(event[name] for name in names)


def meant(window: Window, score: Score) -> tuple[Any, ...]:
    """What an event should say about a window."""
    return (*score[:4], len(window.texts), time_text(window.times[0]), time_text(window.times[-1]))


def expected(lines: Sequence[bytes], scorer: Scorer, settings: Settings) -> dict[tuple[str, int], tuple[Window, Score]]:
    """The windows that the same lines have in a file, with the scores that the same scorer gives them."""
    windows = list(windows_of(lines, settings.windows))
    scores = scorer.score([window.texts for window in windows], [True] * len(windows))
    return {(w.block_id, w.part): (w, score) for w, score in zip(windows, scores, strict=True)}


def assert_same_windows(settings: Settings, lines: Sequence[bytes], scorer: Scorer) -> dict[tuple[str, int], Any]:
    """The closed windows in Kafka are those that the lines have in a file, judged alike, none twice; return them."""
    wanted = {key: both for key, both in expected(lines, scorer, settings).items() if key != LATER}
    found = closed_windows(settings)
    assert found.keys() == wanted.keys()
    assert {key: said(event) for key, event in found.items()} == {key: meant(*both) for key, both in wanted.items()}
    return found


def until_closed(settings: Settings, lines: Sequence[bytes], scorer: Scorer) -> None:
    """Wait until as many windows are closed as the lines have in a file."""
    wanted = expected(lines, scorer, settings).keys() - {LATER}
    wait_until(lambda: len(closed_windows(settings)) >= len(wanted), "all windows are closed")


def entries(log: Path, event: str) -> list[dict[str, Any]]:
    """The entries of a daemon's log with this event."""
    found = [json.loads(text) for text in log.read_text().splitlines()] if log.exists() else []
    return [entry for entry in found if entry["event"] == event]


def wait_until(condition: Callable[[], object], what: str, seconds: float = DEADLINE_S) -> None:
    """Ask again and again; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)


def wait_until_led(admin: AdminClient, topic: str, partitions: int) -> None:
    """A busy broker knows each partition of a topic that it has created, and who leads it, a moment later."""

    def led() -> bool:
        found = admin.list_topics(topic, timeout=30).topics[topic].partitions.values()
        return len(found) == partitions and all(partition.leader >= 0 for partition in found)

    wait_until(led, f"the topic {topic} is led")


@contextmanager
def running(
    settings: Settings,
    scorer: Scorer | None,
    every: Callable[[Worker], None] = lambda worker: None,
    log: TextIO | None = None,
) -> Iterator[Worker]:
    """A worker in a thread; it ends in good order with the block, and what it raised is raised here."""
    worker = Worker(settings, scorer, LineReader(), new_log(log or io.StringIO()))
    over = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            worker.run(over.is_set, lambda: every(worker))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield worker
    finally:
        over.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        if failures:  # also where the block failed because of it
            raise failures[0]


@contextmanager
def refused(kind: type[Exception], text: str) -> Iterator[None]:
    """The worker that runs in this block ends with an error whose text matches."""
    with pytest.raises(kind, match=text):
        yield


CONSUME = (sys.executable, "-m", "stream", "consume")
CONTENT = (sys.executable, str(Path(__file__).with_name("content_daemon.py")))
"""The daemon with ``ContentScorer``: it starts in a second, for it waits for no torch."""


@contextmanager
def daemon(
    settings: Settings, log: Path, *arguments: str, program: Sequence[str] = CONTENT
) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as a process, its stderr in a file; killed at the end of the block if it still runs."""
    command = [*program, *flags(settings), *arguments]
    with log.open("ab") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()
