"""What the server remembers of the scores topic, in bounded memory: the newest events, and alarms for longer.

Knows no Kafka, no HTTP and no clock. One thread adds, others read.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from stream.drift import Drift
from stream.serve.events import LAST_MS, Entry, epoch_ms, size_of
from stream.serve.filters import Filter
from stream.serve.timeline import Timeline

EVENTS, ALARMS, BYTES = 20_000, 5_000, 192 * 1024 * 1024
_MINUTE, _TEN_SECONDS = 60_000, 10_000
_BINS = 2_160  # six hours of ten seconds, a day and a half of minutes


class Store:
    """Keeps the newest ``events``, and of windows that are anomalous, by their newest verdict, the newest ``alarms``;
    both together take at most ``most_bytes``, about.

    ``bytes`` is what they take. ``by_arrival`` and ``by_log`` are the timelines over time of publication and of the
    windows' last lines. ``taken`` counts what came, ``made_anew`` is what it was when the topic last began anew, -1
    before that; ``drift`` looks at closed windows among it, ``seen`` is called with each event.
    """

    def __init__(
        self,
        events: int = EVENTS,
        alarms: int = ALARMS,
        most_bytes: int = BYTES,
        seen: Callable[[Mapping[str, Any]], None] = lambda event: None,
    ) -> None:
        self.taken, self.made_anew = 0, -1
        self.by_arrival = Timeline(_TEN_SECONDS, _BINS)
        self.by_log = Timeline(_MINUTE, _BINS)
        self.drift = Drift()
        self._seen = seen
        self._events, self._most_alarms, self._most_bytes = events, alarms, most_bytes
        self._lock = threading.Lock()
        self._recent: deque[Entry] = deque()
        self._alarms: OrderedDict[tuple[str, int], Entry] = OrderedDict()
        self._blocks: dict[str, dict[int, Entry]] = {}
        self.bytes = self._recent_bytes = 0
        self._next: dict[int, int] = {}
        self._oldest: dict[int, int] = {}

    # ── one thread writes ──

    def begin(self, offsets: Mapping[int, int]) -> None:
        """The topic is read from these offsets on; what lies between that and what was read before is missing."""
        with self._lock:
            if any(offset < self._next.get(partition, 0) for partition, offset in offsets.items()):
                self.made_anew = self.taken
            for partition, offset in offsets.items():
                known = self._next.get(partition)
                if offset != known:  # the first time, or some are gone, or the topic was made anew
                    self._next[partition] = self._oldest[partition] = offset

    def add(self, partition: int, offset: int, published: int, value: bytes, event: Mapping[str, Any]) -> None:
        """Take an event (``read_event`` of the value); one that was taken already is no other."""
        published = _believable(published)
        with self._lock:
            if offset < self._next.get(partition, 0):
                return
            self._next[partition] = offset + 1
            self._oldest.setdefault(partition, offset)
            self.taken += 1
            before = self._blocks.get(event["block_id"], {}).get(event["part"])
            entry = Entry(
                number=self.taken,
                partition=partition,
                offset=offset,
                published=published,
                last=epoch_ms(event["last_time"]),
                first_published=before.first_published if before else published,
                alarmed=_alarmed(before, published, event),
                size=size_of(value),
                event=event,
            )
            self._put(entry)
            self.by_arrival.take(entry.published, entry)
            self.by_log.take(entry.last, entry)
            self._seen(event)
            if event["status"] == "closed":
                self.drift.see(min(1.0, max(1e-300, event["p_value"])))

    def skip(self, partition: int, offset: int) -> None:
        """What lies there is no event."""
        with self._lock:
            self._next[partition] = max(offset + 1, self._next.get(partition, 0))

    def add_alarm(self, published: int, value: bytes, event: Mapping[str, Any]) -> None:
        """An alarm from before the events that ``add`` has seen, from the anomalies topic; the oldest comes first."""
        with self._lock:
            if event["part"] in self._blocks.get(event["block_id"], {}) or not event["anomalous"]:
                return
            last, size, published = epoch_ms(event["last_time"]), size_of(value), _believable(published)
            entry = Entry(0, -1, -1, published, last, published, published, size, event)
            self._blocks.setdefault(event["block_id"], {})[event["part"]] = entry
            self._alarms[entry.key] = entry
            self._alarms.move_to_end(entry.key, last=False)
            self.bytes += size
            self._shrink()

    # ── anybody reads ──

    @property
    def position(self) -> dict[int, int]:
        """The next offset of each partition."""
        with self._lock:
            return dict(self._next)

    @property
    def place(self) -> tuple[int, dict[int, int]]:
        """Where somebody begins who wants what comes from now on: the number to ask ``after`` for, and the position."""
        with self._lock:
            return self.taken, dict(self._next)

    def __len__(self) -> int:
        """How many of the newest events are remembered."""
        return len(self._recent)

    def missing(self, position: Mapping[int, int]) -> bool:
        """Whether somebody who has read so far misses events that are not remembered any more."""
        with self._lock:
            return any(offset < self._oldest.get(partition, 0) for partition, offset in position.items())

    def of_another(self, position: Mapping[int, int]) -> bool:
        """Whether somebody has read further than there is, in the topic that was there before this one."""
        with self._lock:
            return self.made_anew >= 0 and any(offset > self._next.get(p, 0) for p, offset in position.items())

    def after(self, number: int, most: int = 1_000) -> tuple[list[Entry], bool]:
        """Up to so many events behind this number, and whether the one right behind it is forgotten already."""
        with self._lock:
            if not self._recent:
                return [], number < self.taken
            first = self._recent[0].number
            begin = max(0, number + 1 - first)
            lost = number + 1 < first
            return list(islice(self._recent, begin, begin + most)), lost

    def alarms(self, wanted: Filter | None = None) -> list[Entry]:
        """Windows that are anomalous now, the one whose newest event came last first."""
        with self._lock:
            found = list(reversed(self._alarms.values()))
        return [entry for entry in found if wanted is None or wanted.lets(entry)]

    def recent(self, wanted: Filter, most: int) -> list[Entry]:
        """The newest events, newest first, each window once, with its newest event."""
        found: dict[tuple[str, int], Entry] = {}
        with self._lock:
            for entry in reversed(self._recent):
                if len(found) >= most:
                    break
                if wanted.lets(entry):
                    found.setdefault(entry.key, entry)
        return list(found.values())

    def block(self, block_id: str) -> list[Entry]:
        """The newest event of each part of a block that is remembered, by part."""
        with self._lock:
            parts = self._blocks.get(block_id, {})
            return [parts[part] for part in sorted(parts)]

    def revisions(self, block_id: str) -> list[Entry]:
        """All events of a block that are remembered, the oldest first."""
        with self._lock:
            return [entry for entry in self._recent if entry.event["block_id"] == block_id]

    def neighbours(self, entry: Entry, most: int) -> list[Entry]:
        """Other windows that are anomalous, those whose last lines are nearest in time, ascending by time."""
        others = (other for other in self.alarms() if other.event["block_id"] != entry.event["block_id"])
        nearest = sorted(others, key=lambda other: abs(other.last - entry.last))[:most]
        return sorted(nearest, key=lambda other: other.last)

    def components(self) -> list[str]:
        """Components that present alarms name, the most frequent first."""
        counts: dict[str, int] = {}
        for entry in self.alarms():
            if name := entry.component:
                counts[name] = counts.get(name, 0) + 1
        return sorted(counts, key=lambda name: (-counts[name], name))

    def __iter__(self) -> Iterator[Entry]:
        """The newest events, the oldest first."""
        with self._lock:
            return iter(list(self._recent))

    # ── inside ──

    def _put(self, entry: Entry) -> None:
        key = entry.key
        self._recent.append(entry)
        self.bytes += entry.size
        self._recent_bytes += entry.size
        before = self._blocks.setdefault(key[0], {}).get(key[1])
        self._blocks[key[0]][key[1]] = entry
        if self._alarms.pop(key, None) is not None and before is not None:
            self._drop_if_old(before)
        if entry.event["anomalous"]:
            self._alarms[key] = entry
        self._shrink()

    def _shrink(self) -> None:
        """Of the bytes, alarms that are not among the newest events get no more than half."""
        while True:
            over = self.bytes > self._most_bytes
            if len(self._alarms) > self._most_alarms or (
                over and self.bytes - self._recent_bytes > self._most_bytes / 2
            ):
                _, gone = self._alarms.popitem(last=False)
                self._drop_if_old(gone)
            elif len(self._recent) > self._events or (over and len(self._recent) > 1):
                gone = self._recent.popleft()
                self._recent_bytes -= gone.size
                self._oldest[gone.partition] = gone.offset + 1
                if self._alarms.get(gone.key) is not gone:
                    self._forget(gone)
            else:
                return

    def _drop_if_old(self, entry: Entry) -> None:
        """It is no alarm any more: if it is not among the newest events either, nobody holds it."""
        if not self._recent or entry.number < self._recent[0].number:
            self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        self.bytes -= entry.size
        block, part = entry.key
        parts = self._blocks.get(block, {})
        if parts.get(part) is entry:
            del parts[part]
            if not parts:
                del self._blocks[block]


def _believable(published: int) -> int:
    """Whoever writes to a topic may say of a message any time, or none."""
    return min(max(0, published), LAST_MS)


def _alarmed(before: Entry | None, published: int, event: Mapping[str, Any]) -> int | None:
    if not event["anomalous"]:
        return None
    return before.alarmed if before is not None and before.alarmed is not None else published
