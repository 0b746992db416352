"""Event time of one partition: how far the log has come. Time is passed in; no clock is ever read.

*Progress* is the greatest event time that every source has reached, and never goes back; the *watermark* is progress
less the allowed lateness (Akidau et al., The Dataflow Model, VLDB 2015). A partition of the lines topic is fed by every
partition of the raw topic: one of them may be hours behind another, so the slowest counts, unless it is at its end.
"""

from typing import NamedTuple


class Source(NamedTuple):
    """What a partition of the raw topic has sent so far: its greatest event time, and whether more is waiting there."""

    time: int
    at_end: bool


class EventClock:
    """The clock of one partition. Times are epoch milliseconds; 0 before anything is known."""

    def __init__(self) -> None:
        self.progress = 0
        self._seen = 0  # without what idleness added
        self._sources: dict[int, Source] = {}

    def observe(self, time: int) -> None:
        """A line of this time stands in the partition itself, which is its own only source."""
        if time > self._seen:
            self._seen = time
            if time > self.progress:
                self.progress = time

    def report(self, source: int, sources: int, time: int, at_end: bool) -> None:
        """Source number ``source`` of ``sources`` has sent all that it has up to ``time``; 0 if it has nothing new."""
        known = self._sources.get(source)
        self._sources[source] = Source(max(time, known.time if known else 0), at_end)
        if len(self._sources) >= sources:
            behind = [s.time for s in self._sources.values() if not s.at_end]
            self.observe(min(behind) if behind else max(s.time for s in self._sources.values()))

    def idle(self, elapsed: int) -> None:
        """Nothing has come for ``elapsed`` ms of wall-clock time: if every source is at its end, time goes on."""
        if self._seen and all(s.at_end for s in self._sources.values()):
            self.progress = max(self.progress, self._seen + elapsed)

    def snapshot(self) -> dict[str, object]:
        """Everything as JSON values, for ``restore``."""
        sources = [[number, *source] for number, source in self._sources.items()]
        return {"progress": self.progress, "seen": self._seen, "sources": sources}

    def restore(self, snapshot: dict[str, object]) -> None:
        """Continue from a snapshot; raise ValueError for what is none."""
        match snapshot:
            case {"progress": int(progress), "seen": int(seen), "sources": list(sources)}:
                self.progress, self._seen = progress, seen
                self._sources = {int(n): Source(int(time), bool(at_end)) for n, time, at_end in sources}
            case _:
                raise ValueError("no snapshot of a clock")
