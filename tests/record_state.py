"""``python tests/record_state.py tests/states/VERSION``: the state that a daemon of this release leaves in Kafka.

Run it once a release, with that release, and keep what it writes: two files of JSON lines, one of unkeyed and one of
keyed input. ``test_upgrade`` gives them to the daemon of today. Bytes of Kafka are base64; lines are text.
"""

import json
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from pipeline import (
    ContentScorer,
    all_read,
    closed_windows,
    line,
    new_producer,
    new_settings,
    read_events,
    read_topic,
    running,
    said,
    wait_until,
)

from stream.broker import EmbeddedBroker
from stream.kafka.partitioners import murmur2
from stream.settings import Settings

PARTITIONS = 2
HOUR = 3600
OVERRIDES: dict[str, Any] = {"partitions": PARTITIONS, "close_after": "1h", "lateness": "1m", "max_jump": "1d"}
OVERRIDES |= {"max_lines": 6, "quiet_after": "30s"}
_STILL_S = 3.0

Line = tuple[int, bytes]
"""Partition of the raw topic, where it is not keyed, and the line."""


def receiving(second: float, *blocks: int) -> bytes:
    names = " ".join(f"blk_{block}" for block in blocks)
    return line(second, f"Receiving block {names} src: /10.0.0.1:1 dest: /10.0.0.2:2")


def before(keyed: bool) -> list[Line]:
    """Windows that close, one that is full, ones that are open, scored or not; a clock that is far ahead."""
    plain = [
        (n % PARTITIONS, receiving(n, block)) for n, block in enumerate((1, 2, 3, 1, 2, 3, 1, 4, 4, 4, 4, 4, 4, 4))
    ]
    both = [(0, receiving(30, 2, 3))] if not keyed else []
    far = [(1, receiving(10 * 24 * HOUR, 7))]
    later = [(n % PARTITIONS, receiving(3 * HOUR + n, block)) for n, block in enumerate((5, 6, 5, 8, 6, 8))]
    scored = [(0, line(3 * HOUR - 60 + n, "Deleting block blk_9 file /data/current/blk_9")) for n in range(2)]
    trace = [(0, line(3 * HOUR + 9, "writeBlock blk_5 received exception"))]
    return [*plain, *both, *far, *scored, *later, *trace]


def after(keyed: bool) -> list[Line]:
    """The trace goes on with the line before it, open windows with theirs; closed blocks come back; all of it ends."""
    trace = [(0, b"java.io.IOException: Connection reset by peer"), (0, b"\tat sun.nio.ch.Net.read(Net.java:1)")]
    lines = [(n % PARTITIONS, receiving(3 * HOUR + 20 + n, block)) for n, block in enumerate((8, 1, 6, 6, 6, 6, 2, 9))]
    ticks = [(p, receiving(hour * HOUR, tick(p))) for hour in (20, 40, 60) for p in range(PARTITIONS)]
    return [*([] if keyed else trace), *lines, *ticks]


def tick(partition: int) -> int:
    """A block that lies in this partition, by its key too, and has no other lines."""
    return next(block for block in count(100) if murmur2(b"blk_%d" % block, PARTITIONS) == partition)


def send_lines(settings: Settings, lines: list[Line]) -> None:
    """To their partitions, or by their keys where the input is keyed."""
    producer = new_producer(settings, partitioner="murmur2_random")
    for partition, raw in lines:
        if settings.keyed_input:
            producer.produce(settings.raw_topic, raw, key_of(raw))
        else:
            producer.produce(settings.raw_topic, raw, partition=partition)
    assert producer.flush(60) == 0


def key_of(raw: bytes) -> bytes:
    return next(word for word in raw.split() if word.startswith(b"blk_"))


def closed(settings: Settings) -> list[list[Any]]:
    """What is said of every closed window, in order."""
    return sorted([[*key, event["reason"], *said(event)] for key, event in closed_windows(settings).items()])


def committed(settings: Settings, topic: str) -> list[TopicPartition]:
    """Offsets and their notes."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group_id})
    found: list[TopicPartition] = consumer.committed([TopicPartition(topic, n) for n in range(PARTITIONS)], timeout=30)
    consumer.close()
    return found


def record(broker: str, keyed: bool) -> Iterator[dict[str, Any]]:
    """The lines of a file."""
    yield {"version": version("tinylogbert"), "keyed": keyed}
    settings = new_settings(broker, keyed_input=keyed, **OVERRIDES)
    work(settings, before(keyed))
    for partition, raw in before(keyed):
        yield {"before": [partition, raw.decode()]}
    for message in read_topic(settings, settings.windows_topic):
        value = message.value()
        yield {"changelog": [message.partition(), coded(message.key() or b""), None if value is None else coded(value)]}
    for topic in dict.fromkeys(("raw_topic", "input_topic")):
        for place in committed(settings, getattr(settings, topic)):
            yield {"committed": [topic, place.partition, place.offset, place.metadata or ""]}
    for window in closed(settings):
        yield {"closed": window}
    for partition, raw in after(keyed):
        yield {"after": [partition, raw.decode()]}
    whole = new_settings(broker, keyed_input=keyed, **OVERRIDES)
    work(whole, before(keyed) + after(keyed))
    for window in closed(whole):
        yield {"closed_in_the_end": window}


def work(settings: Settings, lines: list[Line]) -> None:
    """A daemon reads them, and ends once nothing more happens."""
    send_lines(settings, lines)
    with running(settings, ContentScorer()):
        wait_until(lambda: settings.keyed_input or all_read(settings), "all is read")
        until_still(lambda: len(read_events(settings)))


def until_still(number: Callable[[], int]) -> None:
    """Nothing of Kafka tells that no more is to come, so this waits for three quiet seconds."""
    seen, since = number(), time.monotonic()
    while time.monotonic() - since < _STILL_S or not seen:
        if (now := number()) != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def coded(value: bytes) -> str:
    return b64encode(value).decode()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        embedded = EmbeddedBroker(Path(data), port=0, die_with_parent=True)
        broker = embedded.start()
        try:
            for name, keyed in (("unkeyed", False), ("keyed", True)):
                rows = [json.dumps(row) + "\n" for row in record(broker, keyed)]
                (folder / f"{name}.jsonl").write_text("".join(rows))
        finally:
            embedded.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
