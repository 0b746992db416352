"""From a line to the event of a window, without lag, and from the start of the daemon to its first commit.

Each block has five lines of one second and the next block comes 31 s later in event time, so that its first line makes
the window before it due. Lines come one by one at a low rate; what is timed lies between sending such a line and
receiving the event, committed, as whoever follows the scores does.
"""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from confluent_kafka import Consumer, Producer

from bench.speed.contestants import Place, any_key, keyed
from bench.speed.log import Line, stamped
from bench.speed.run import forget, last_words
from bench.speed.watch import Progress
from stream.broker import process
from stream.errors import BrokerError
from stream.kafka.clients import new_admin, new_consumer, new_producer, partitions_of
from stream.kafka.topics import create_topics
from stream.settings import Settings, load_settings

KINDS = {"keyed": keyed, "any-key": any_key}
LINES_A_BLOCK = 5
_STEP = timedelta(seconds=31)
_BEGIN = datetime(2008, 11, 9, tzinfo=UTC)
_BEFORE = 100  # blocks that are there when the daemon starts: enough for it to believe the time
_EVERY_S = 0.005
_TIMEOUT_S = 120.0
_GRACE_S = 20.0
_ENDLESS = 2**62


@dataclass(frozen=True)
class Steady:
    """Seconds from the start to the first commit; milliseconds from a line to the event of the window it made due."""

    start_s: float
    latencies_ms: list[float]


def blocks_of(lines: Sequence[Line], count: int) -> list[list[Line]]:
    """So many blocks, five real lines each; a block's are of one second, 31 s after those of the block before."""
    seen: dict[bytes, list[bytes]] = {}
    for block, raw in lines:
        seen.setdefault(block, []).append(raw)
    whole = [(block, raws[:LINES_A_BLOCK]) for block, raws in seen.items() if len(raws) >= LINES_A_BLOCK][:count]
    return [[(block, stamped(raw, _BEGIN + i * _STEP)) for raw in raws] for i, (block, raws) in enumerate(whole)]


def measure(address: str, folder: Path, kind: str, blocks: Sequence[Sequence[Line]]) -> Steady:
    """Start our daemon on the first hundred blocks, send it the others line by line; raise BrokerError."""
    unique = f"steady-{kind}-{uuid.uuid4().hex[:8]}"
    base = load_settings(
        bootstrap_servers=address,
        raw_topic=unique,
        windows_topic=f"{unique}-windows",  # one that is there says how many partitions there are
        partitions=1,
        keyed_input=True,
    )
    create_topics(new_admin(base), base)
    producer = new_producer(base, **{"linger.ms": 0})
    for block, raw in (line for lines in blocks[:_BEFORE] for line in lines):
        producer.produce(unique, raw, block)
    producer.flush()
    place = Place(base, f"{unique}-run", 0, folder)
    started = KINDS[kind](place)
    log = folder / f"{unique}.log"
    begun = time.monotonic()
    child = process.spawn(started.command, os.environ, log, die_with_parent=True)
    try:
        start_s = _committed(Progress(base, started, _ENDLESS), begun)
        return Steady(start_s, _latencies(base, f"{place.unique}-scores", producer, blocks[_BEFORE:]))
    except BrokerError as error:
        raise BrokerError(f"{error}; the daemon said: {last_words(log)}") from error
    finally:
        process.end(child, _GRACE_S)
        forget(place, started)


def _committed(progress: Progress, begun: float) -> float:
    while not progress.now()[0]:
        if time.monotonic() - begun > _TIMEOUT_S:
            raise BrokerError(f"nothing was committed within {_TIMEOUT_S:.0f} s")
        time.sleep(0.01)
    progress.close()
    return time.monotonic() - begun


def _latencies(base: Settings, scores: str, producer: Producer, blocks: Sequence[Sequence[Line]]) -> list[float]:
    consumer = new_consumer(base, **{"group.id": uuid.uuid4().hex, "enable.partition.eof": False})
    consumer.assign(partitions_of(consumer, base, scores))
    sent: dict[bytes, float] = {}  # when the line came that makes the window of this block due
    found: dict[bytes, float] = {}
    due, before = time.monotonic(), b""
    for lines in blocks:
        for number, (block, raw) in enumerate(lines):
            due += _EVERY_S
            while (left := due - time.monotonic()) > 0:
                _receive(consumer, left, found)
            producer.produce(base.raw_topic, raw, block)
            producer.poll(0)
            if number == 0 and before:
                sent[before] = time.monotonic()
            before = block
    deadline = time.monotonic() + _TIMEOUT_S
    while sent.keys() - found.keys():
        _receive(consumer, 0.1, found)
        if time.monotonic() > deadline:
            raise BrokerError(f"{len(sent.keys() - found.keys())} of {len(sent)} windows had no event")
    consumer.close()
    return [(found[block] - when) * 1000 for block, when in sent.items()]


def _receive(consumer: Consumer, seconds: float, found: dict[bytes, float]) -> None:
    """Note when the first event of a block came."""
    message = consumer.poll(seconds)
    if message is not None and message.error() is None and (value := message.value()):
        found.setdefault(orjson.loads(value)["block_id"].encode(), time.monotonic())
