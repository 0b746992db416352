"""What must be equal, and what must not be there: checks of what was read back from the topics. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

_EXAMPLES = 5
_SAID = ("score", "p_value", "anomalous", "lines", "first_time", "last_time")

Key = tuple[str, int]
"""Block and part."""

Said = tuple[Any, ...]
"""What a closed window says: score, p-value, verdict, lines, first and last time."""


class Event(NamedTuple):
    """What the checks need of an event."""

    block: str
    part: int
    revision: int
    closed: bool
    said: Said

    @property
    def key(self) -> Key:
        """The window that it is about."""
        return self.block, self.part

    @property
    def anomalous(self) -> bool:
        """The verdict."""
        return bool(self.said[2])


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: ``count`` things were looked at, ``wrong`` are those that do not hold, as texts."""

    what: str
    count: int
    wrong: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all hold."""
        return not self.wrong

    @property
    def examples(self) -> tuple[str, ...]:
        """The first few that do not hold."""
        return self.wrong[:_EXAMPLES]


def read_event(value: bytes) -> Event:
    """The event in a message of the scores or the anomalies topic."""
    event = orjson.loads(value)
    said = tuple(event[name] for name in _SAID)
    return Event(event["block_id"], event["part"], event["revision"], event["status"] == "closed", said)


def closed_of(events: Iterable[Event], without: str = "") -> dict[Key, Said]:
    """What was said of each closed window, but for those of one block."""
    return {event.key: event.said for event in events if event.closed and event.block != without}


def none_twice(what: str, things: Iterable[object]) -> Check:
    """Each thing is there once."""
    counts = Counter(things)
    return Check(what, len(counts), tuple(f"{thing}: {n} times" for thing, n in counts.items() if n > 1))


def same(what: str, found: Mapping[Key, Said], wanted: Mapping[Key, Said]) -> list[Check]:
    """The same windows, and the same said of those that both have."""
    missing = [f"{key} is missing" for key in sorted(wanted.keys() - found.keys())]
    extra = [f"{key} should not be there: {found[key]}" for key in sorted(found.keys() - wanted.keys())]
    both = sorted(found.keys() & wanted.keys())
    differ = [f"{key}: {found[key]}, not {wanted[key]}" for key in both if found[key] != wanted[key]]
    return [
        Check(f"closed windows as in {what}", len(wanted), (*missing, *extra)),
        Check(f"scores and times as in {what}", len(both), tuple(differ)),
    ]


def revisions_ascend(events: Sequence[Event]) -> Check:
    """Of each window, in the order of the topic: revisions go up, and nothing comes after ``closed``."""
    last: dict[Key, Event] = {}
    wrong = []
    for event in events:
        before = last.get(event.key)
        if before and (before.closed or event.revision <= before.revision):
            state = "closed" if before.closed else "open"
            wrong.append(f"{event.key}: revision {event.revision} after {state} revision {before.revision}")
        last[event.key] = event
    return Check("revisions go up, none after closed", len(events), tuple(wrong))


def same_things(what: str, found: Iterable[object], wanted: Iterable[object]) -> Check:
    """The same things, each as often; they are shown at most cut to a bearable length."""
    here, there = Counter(found), Counter(wanted)
    missing = [f"missing: {str(thing)[:200]}" for thing in (there - here).elements()]
    extra = [f"too often, or not expected: {str(thing)[:200]}" for thing in (here - there).elements()]
    return Check(what, there.total(), (*missing, *extra))
