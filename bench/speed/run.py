"""One contestant once: started, watched until the lines are done or the time is over, ended. Knows no other one.

The rate is that between two commits: the first one behind the warm-up, by when all workers take part, and the last one.
So it holds no start, no filling of caches (the broker's, the contestant's), and no line whose output is not committed.
Where there are two stages, time begins with the first one's commit and ends with all lines done: the first may be far
ahead. Of ours it ends with the last event: windows that are due when the last line is committed are judged in the
commits that follow.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import psutil

from bench.speed.contestants import Contestant, Place, Started
from bench.speed.watch import Look, Progress, looks
from stream.broker import process
from stream.errors import BrokerError
from stream.kafka.clients import new_admin

_STUCK_S = 120.0
_GRACE_S = 20.0
_STILL_S = 1.5  # two commits and more
_GLANCE_S = 0.5
_BUSY = 0.3  # of a core: one that judges takes a whole one, each worker that waits a few hundredths
_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """``warm_up`` lines are not timed, at most half of all; a run of one stage ends ``seconds`` after them."""

    warm_up: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What one run showed: µs of processor time a line, of the contestant and of the broker; the contestant's greatest
    resident memory. Of ours, what its log said at the end: scores published for a thousand lines, and the share of
    windows that the memo knew.
    """

    lines: int
    seconds: float
    lines_per_s: float
    own_us: float
    broker_us: float
    peak_mib: float
    published: float | None = None
    remembered: float | None = None


@dataclass
class Watched:
    """The looks at which more was committed than before, and the greatest resident memory of all looks. Once all lines
    are done, it is over when for ``still`` seconds nothing more has come and the contestant was not busy.
    """

    lines: int
    limits: Limits
    still: float = 0.0
    commits: list[Look] = field(default_factory=list)
    peak: int = 0
    _now: float = 0.0
    _busy: float = 0.0
    _glance: Look | None = None

    def add(self, look: Look) -> None:
        """Take a look; raise BrokerError if nothing is committed any more."""
        self._now, self.peak = look.when, max(self.peak, look.resident)
        self._glance_at(look)
        before = self.commits[-1] if self.commits else None
        if before is None or (self._done(look) > self._done(before) and not self._trickles(before)):
            self.commits.append(look)
        elif look.when - before.when > _STUCK_S:
            raise BrokerError(f"after {before.done:,} lines, nothing was committed for {_STUCK_S:.0f} s")

    def _glance_at(self, look: Look) -> None:
        """Judging a slice of windows may take longer than two commits: see whether it works."""
        last = self._glance or look
        if look.when - last.when >= _GLANCE_S and look.own_cpu_s - last.own_cpu_s > _BUSY * (look.when - last.when):
            self._busy = look.when
        if self._glance is None or look.when - last.when >= _GLANCE_S:
            self._glance = look

    def _done(self, look: Look) -> tuple[int, int, int]:
        """What comes behind the lines, as control records of idle workers do for ever, is no work."""
        return min(look.read, self.lines), min(look.done, self.lines), look.later

    def _trickles(self, before: Look) -> bool:
        """Whether what is published now comes because the topic has ended: as time goes by, windows become quiet."""
        return self._done(before)[:2] == (self.lines, self.lines) and self._now - self._busy > _GLANCE_S

    @property
    def warm(self) -> Look | None:
        """The commit from which on time counts."""
        least = max(1, min(self.limits.warm_up, self.lines // 2))
        return next((look for look in self.commits if look.read >= least and look.together), None)

    @property
    def over(self) -> bool:
        """Whether all is done, or, at one stage, the time is over."""
        first, last = self.warm, self.commits[-1]
        late = first is not None and last.when - first.when > self.limits.seconds
        still = self._now - max(last.when, self._busy if self.still else 0.0) >= self.still
        return (last.done >= self.lines and still) or (late and last.read == last.done)

    def result(self) -> Run:
        """The figures; raise BrokerError where there is one commit alone."""
        first, last = self.warm, self.commits[-1]
        if not last.together:
            raise BrokerError("the lines were over before each worker had partitions: try more lines, or partitions")
        if first is None or last.done <= first.read:
            raise BrokerError(
                f"{self.lines:,} lines are too few: they are done in one commit; try more, or a smaller --commit-s"
            )
        moved, seconds = last.done - first.read, last.when - first.when
        return Run(
            lines=moved,
            seconds=seconds,
            lines_per_s=moved / seconds,
            own_us=(last.own_cpu_s - first.own_cpu_s) / moved * 1e6,
            broker_us=(last.broker_cpu_s - first.broker_cpu_s) / moved * 1e6,
            peak_mib=self.peak / _MIB,
        )


def run(place: Place, contestant: Contestant, limits: Limits, broker: psutil.Process) -> Run:
    """Run a contestant on fresh topics, which are deleted in the end; raise BrokerError with its last words."""
    started = contestant(place)
    log = place.folder / f"{place.unique}.log"
    progress = Progress(place.base, started, place.lines)
    child = process.spawn(started.command, {**os.environ, **started.environ}, log, die_with_parent=True)
    try:
        watched = Watched(place.lines, limits, _STILL_S if started.later else 0.0)
        for look in looks(progress, child, broker):
            watched.add(look)
            if watched.over:
                break
        result = watched.result()
    except BrokerError as error:
        raise BrokerError(f"{error}; it said: {last_words(log)}") from error
    finally:
        process.end(child, _GRACE_S)
        progress.close()
        forget(place, started)
    return with_totals(result, log)


def with_totals(result: Run, log: Path) -> Run:
    """The run with what our daemon's last entry says; nothing of others, and of one that was killed."""
    entries = [line for line in log.read_bytes().splitlines() if b'"event": "ended"' in line]
    if not entries:
        return result
    said = [orjson.loads(entry) for entry in entries]  # of each worker
    lines, scored = (sum(entry[name] for entry in said) for name in ("lines", "scored"))
    known = sum(entry["scored"] * entry["remembered"] for entry in said if "remembered" in entry)
    return replace(result, published=scored / max(lines, 1) * 1000, remembered=known / scored if known else None)


def last_words(log: Path) -> str:
    """The last lines of a contestant's log."""
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-4:]) or "nothing"


def forget(place: Place, started: Started) -> None:
    """Delete the topics that a contestant wrote."""
    known = new_admin(place.base)
    there = set(known.list_topics(timeout=30).topics)
    for future in known.delete_topics([name for name in started.made if name in there]).values():
        future.result(30)
