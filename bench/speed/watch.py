"""What a contestant has done, seen from outside: committed offsets, and its and the broker's use of the machine.

A line is read when its offset is committed, and done when that is so at the second stage, where there are two. Offsets
of transactions' ends and control records count there, too: a few hundred in a run. Once all lines are done, what is
still published is looked at.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
from confluent_kafka import KafkaException, TopicPartition

from bench.speed.contestants import Started
from stream.errors import BrokerError
from stream.kafka.clients import committed_offsets, new_admin, new_consumer, offsets_of, partitions_of
from stream.settings import Settings

_LOOK_S = 0.02
_ANSWER_S = 10.0
_AT_ONCE = {"isolation.level": "read_uncommitted"}  # read_committed would wait for transactions that are under way


@dataclass(frozen=True)
class Look:
    """At ``when`` (monotonic s): lines read and done, records published once all were done, processor seconds so far,
    resident bytes of the contestant; whether all of its workers take part by then.
    """

    when: float
    read: int
    done: int
    later: int
    own_cpu_s: float
    broker_cpu_s: float
    resident: int
    together: bool = True


class Progress:
    """Lines that a contestant's group has committed so far."""

    def __init__(self, settings: Settings, started: Started, lines: int) -> None:
        self._consumer = new_consumer(settings, **_AT_ONCE, **{"group.id": started.group})
        self._places = [partitions_of(self._consumer, settings, topic) for topic in started.topics]
        self._later = partitions_of(self._consumer, settings, started.later) if started.later else []
        self._lines = lines
        self._group, self._workers, self._together = started.group, started.workers, started.workers == 1
        self._admin = new_admin(settings)

    def now(self) -> tuple[int, int, int]:
        """Lines read, lines done, and the records published so far, if all are done."""
        found = [self._committed(places) for places in self._places]
        later = self._later if min(found) >= self._lines else []
        return max(found), min(found), sum(offsets_of(self._consumer, place)[1] for place in later)

    def together(self) -> bool:
        """Whether each worker has been given partitions, be it long ago."""
        if not self._together:
            described = self._admin.describe_consumer_groups([self._group], request_timeout=_ANSWER_S)
            with suppress(KafkaException, TimeoutError):  # there is no group yet, or its broker is busy
                members = described[self._group].result(_ANSWER_S).members
                self._together = sum(bool(m.assignment.topic_partitions) for m in members) >= self._workers
        return self._together

    def _committed(self, places: list[TopicPartition]) -> int:
        offsets: list[int] = [place.offset for place in committed_offsets(self._consumer, places)]
        return sum(offset for offset in offsets if offset > 0)

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def looks(progress: Progress, contestant: psutil.Process, broker: psutil.Process) -> Iterator[Look]:
    """Look up to fifty times a second; raise BrokerError if the contestant ends."""
    family = Family(contestant)
    while True:
        try:
            own, resident = family.use()
            if contestant.status() == psutil.STATUS_ZOMBIE:
                raise psutil.NoSuchProcess(contestant.pid)
        except psutil.Error as error:
            raise BrokerError("it ended before all lines were done") from error
        together = progress.together()
        yield Look(time.monotonic(), *progress.now(), own, cpu_s(broker), resident, together)
        time.sleep(_LOOK_S)


class Family:
    """A process and those that it started, which are looked for once a second."""

    def __init__(self, head: psutil.Process) -> None:
        self._members = [head]
        self._looked = 0.0

    def use(self) -> tuple[float, int]:
        """Their processor seconds so far, and their resident bytes; raise psutil.Error if the first one has ended."""
        if time.monotonic() - self._looked > 1:
            self._members[1:] = self._members[0].children(recursive=True)
            self._looked = time.monotonic()
        seconds, resident = _use(self._members[0])
        for child in self._members[1:]:
            with suppress(psutil.Error):  # what it used is lost: it ended within this second
                more = _use(child)
                seconds, resident = seconds + more[0], resident + more[1]
        return seconds, resident


def _use(process: psutil.Process) -> tuple[float, int]:
    return cpu_s(process), int(process.memory_info().rss)


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)
