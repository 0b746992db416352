"""Clocks: this machine's against the stamps of records in Kafka, and the lines' own against both.

Kafka tells nobody what time it is. What it has are stamps of records: by the broker, where a topic says so
(``message.timestamp.type=LogAppendTime``), else by who wrote them. So a clock that is behind is found out by a record
from its future; one that is ahead of all others is seen only by others.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

from stream.doctor.finding import Finding

CHECK = "clock"
_AHEAD_MS = 5_000  # clocks that are kept by NTP differ by far less
_EVENT_AHEAD_MS = 60_000
_ZONE_MS = 15 * 60_000  # all zones differ by quarters of an hour
_NEAR_MS = 60_000
_FRESH_MS = 3_600_000
_ENOUGH = 3


class Stamped(NamedTuple):
    """A record: who stamped it and when, and the time that its line says, all in epoch ms; None if it says none."""

    topic: str
    stamped: int
    by_broker: bool
    said: int | None = None


def clock(now: int, records: Sequence[Stamped], zone: str) -> list[Finding]:
    """``records`` are the newest ones of some topics; ``zone`` is that of stamps that name none."""
    if not records:
        return [Finding(CHECK, "this machine", "skipped", "there is no record in Kafka to compare with")]
    lines = [record for record in records if record.said is not None]
    return [_machine(now, max(records, key=lambda record: record.stamped)), *_lines(now, lines, zone)]


def _machine(now: int, newest: Stamped) -> Finding:
    who = "the broker" if newest.by_broker else "who wrote it"
    ahead = newest.stamped - now
    if ahead > _AHEAD_MS:
        said = f"a record of {newest.topic} is stamped by {who} {_shown(ahead)} later than this machine's clock"
        mend = "set this clock, or that one, by NTP (timedatectl set-ntp true)"
        return Finding(CHECK, "this machine", "wrong", said, mend)
    said = f"nothing is stamped later than it says; the newest, in {newest.topic} by {who}, {_shown(-ahead)} ago"
    return Finding(CHECK, "this machine", "ok", said)


def _lines(now: int, lines: Sequence[Stamped], zone: str) -> list[Finding]:
    times = [record.said for record in lines if record.said is not None]
    if not times:
        return [Finding(CHECK, "event time", "skipped", "there is no line with a time to compare with")]
    newest = max(times)
    mend = f"name the zone of stamps without one with --timezone (it is {zone}), or set the clock of whoever logs"
    if newest - now > _EVENT_AHEAD_MS:
        said = f"the newest line says {_time(newest)}, {_shown(newest - now)} after this clock"
        return [Finding(CHECK, "event time", "wrong", said, mend)]
    delays = [record.stamped - record.said for record in lines if record.said is not None]
    delay = int(median(delays))
    if len(delays) >= _ENOUGH and now - max(r.stamped for r in lines) < _FRESH_MS and _is_zone(delay):
        said = f"lines come {_shown(delay)} after they say they were written, as if their zone were another one"
        return [Finding(CHECK, "event time", "wrong", said, mend)]
    said = f"the newest line says {_time(newest)}, {_shown(now - newest)} ago"
    return [Finding(CHECK, "event time", "ok", said)]


def _is_zone(delay: int) -> bool:
    """Whether a delay is a quarter of an hour, or a multiple of it up to 14 hours, give or take a minute."""
    steps = round(delay / _ZONE_MS)
    return 1 <= steps <= 56 and abs(delay - steps * _ZONE_MS) <= _NEAR_MS


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(ms: int) -> str:
    seconds = abs(ms) / 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{_number(seconds / size)} {unit}"
    return f"{_number(seconds)} s"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
