"""One contestant once: started, watched until the lines are done or the time is over, ended. Knows no other one.

The rate is that between two commits: the first one behind the warm-up, and the last one in time. So it holds no start,
no filling of caches (the broker's, the contestant's), and no line whose output is not committed.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.speed.contestants import Contestant, Place, Started
from bench.speed.watch import Look, Progress, looks
from stream.broker import process
from stream.errors import BrokerError
from stream.kafka.clients import new_admin

_STUCK_S = 120.0
_GRACE_S = 20.0
_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """``warm_up`` lines are not timed, at most half of all; the run ends ``seconds`` after them."""

    warm_up: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What one run showed: µs of processor time a line, of the contestant and of the broker; its greatest resident
    memory; seconds from its start to the first commit.
    """

    lines: int
    seconds: float
    lines_per_s: float
    own_us: float
    broker_us: float
    peak_mib: float
    start_s: float


@dataclass
class Watched:
    """The looks at which more was done than before, and the greatest resident memory of all looks."""

    commits: list[Look] = field(default_factory=list)
    peak: int = 0

    def add(self, look: Look) -> None:
        """Take a look."""
        self.peak = max(self.peak, look.resident)
        if look.done > (self.commits[-1].done if self.commits else 0):
            self.commits.append(look)

    def over(self, look: Look, lines: int, limits: Limits) -> bool:
        """Whether all is done or the time is over. Raises BrokerError if nothing is done any more."""
        warm = self.warm(lines, limits)
        if self.commits and look.when - self.commits[-1].when > _STUCK_S:
            raise BrokerError(f"after {self.commits[-1].done:,} lines, nothing was committed for {_STUCK_S:.0f} s")
        return look.done >= lines or (warm is not None and look.when - warm.when > limits.seconds)

    def warm(self, lines: int, limits: Limits) -> Look | None:
        """The commit from which on time counts."""
        return next((look for look in self.commits if look.done >= min(limits.warm_up, lines // 2)), None)

    def result(self, begun: float, lines: int, limits: Limits) -> Run:
        """The figures; raise BrokerError where there is one commit alone."""
        first, last = self.warm(lines, limits), self.commits[-1]
        if first is None or first.done == last.done:
            raise BrokerError(f"{lines:,} lines are too few: they are done in one commit")
        moved, seconds = last.done - first.done, last.when - first.when
        return Run(
            lines=moved,
            seconds=seconds,
            lines_per_s=moved / seconds,
            own_us=(last.own_cpu_s - first.own_cpu_s) / moved * 1e6,
            broker_us=(last.broker_cpu_s - first.broker_cpu_s) / moved * 1e6,
            peak_mib=self.peak / _MIB,
            start_s=self.commits[0].when - begun,
        )


def run(place: Place, contestant: Contestant, limits: Limits, broker: psutil.Process) -> Run:
    """Run a contestant on fresh topics, which are deleted in the end; raise BrokerError with its last words."""
    started = contestant(place)
    log = place.folder / f"{place.unique}.log"
    progress = Progress(place.base, started)
    begun = time.monotonic()
    child = process.spawn(started.command, {**os.environ, **started.environ}, log, die_with_parent=True)
    try:
        watched = Watched()
        for look in looks(progress, child, broker):
            watched.add(look)
            if watched.over(look, place.lines, limits):
                return watched.result(begun, place.lines, limits)
            if not watched.commits and look.when - begun > _STUCK_S:
                raise BrokerError(f"nothing was committed within {_STUCK_S:.0f} s")
    except BrokerError as error:
        raise BrokerError(f"{error}; it said: {last_words(log)}") from error
    finally:
        process.end(child, _GRACE_S)
        progress.close()
        forget(place, started)
    raise AssertionError("looks never end")


def last_words(log: Path) -> str:
    """The last lines of a contestant's log."""
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-4:]) or "nothing"


def forget(place: Place, started: Started) -> None:
    """Delete the topics that a contestant wrote."""
    known = new_admin(place.base)
    there = set(known.list_topics(timeout=30).topics)
    for future in known.delete_topics([name for name in started.made if name in there]).values():
        future.result(30)
