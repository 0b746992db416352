"""One daemon at work, sampled: resident memory, lines done. Feeds it, so that lines always wait and never pile up."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.longrun.endless import endless
from bench.speed.log import Line
from stream.broker import process
from stream.errors import BrokerError
from stream.kafka.clients import committed_offsets, new_admin, new_consumer, partitions_of
from stream.kafka.sender import Sender
from stream.kafka.topics import create_topics
from stream.settings import Settings

_AHEAD = 500_000
_EVERY_S = 1.0
_NAP_S = 0.02
_GRACE_S = 30.0


class Sample(NamedTuple):
    """``seconds`` since the daemon was started, lines that it has done, its resident MiB."""

    seconds: float
    lines: int
    mib: float


class _Feed:
    """Sends lines in a thread of its own, at most so far ahead of what is done."""

    def __init__(self, settings: Settings, lines: Sequence[Line]) -> None:
        self.done = 0
        self.stopped = False
        self._lines = lines
        self._sender = Sender(settings, settings.raw_topic)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self._sender.send((raw, None) for raw in endless(self._lines, self._wait))
        self._sender.flush()

    def _wait(self, given: int) -> bool:
        while given - self.done > _AHEAD and not self.stopped:
            time.sleep(_NAP_S)
        return not self.stopped


def watch(settings: Settings, sample: Sequence[Line], most: int, seconds: float, log: Path) -> list[Sample]:
    """Let the daemon work for so long, or on so many lines; return a sample a second. Raises BrokerError."""
    create_topics(new_admin(settings), settings)
    flags = [f"--{n.replace('_', '-')}={getattr(settings, n)}" for n in ("bootstrap_servers", "group_id")]
    command = [sys.executable, "-m", "stream", "consume", *flags, *(["--keyed-input"] if settings.keyed_input else [])]
    feed = _Feed(settings, sample)
    looking = new_consumer(settings, **{"group.id": settings.group_id, "isolation.level": "read_uncommitted"})
    places = partitions_of(looking, settings, settings.input_topic)
    feed.thread.start()
    daemon = process.spawn(command, os.environ, log, die_with_parent=True)
    samples: list[Sample] = []
    begun = time.monotonic()
    try:
        while (passed := time.monotonic() - begun) < seconds and feed.done < most:
            feed.done = sum(max(place.offset, 0) for place in committed_offsets(looking, places))
            samples.append(Sample(passed, feed.done, daemon.memory_info().rss / 2**20))
            time.sleep(_EVERY_S)
    except psutil.NoSuchProcess as error:
        raise BrokerError(f"the daemon ended; it said: {log.read_text()[-500:]}") from error
    finally:
        feed.stopped = True
        feed.thread.join()
        process.end(daemon, _GRACE_S)
        looking.close()
    return samples
