"""Event time of one partition: how far the log has come. Time is passed in; no clock is ever read.

*Progress* is the greatest event time that every source has reached, and never goes back; the *watermark* is progress
less the allowed lateness (Akidau et al., The Dataflow Model, VLDB 2015). A partition of the lines topic is fed by every
partition of the raw topic: one of them may be hours behind another, so the slowest counts, unless it is at its end.

What idleness adds is no part of progress: it lets live windows end when traffic does, but it decides nothing about a
line that comes later. So a log that is read again without the pauses gives the same.
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
        self._sources: dict[int, Source] = {}

    def observe(self, time: int) -> None:
        """A line of this time stands in the partition itself, which is its own only source."""
        if time > self.progress:
            self.progress = time

    def report(self, source: int, sources: int, time: int, at_end: bool) -> None:
        """Source number ``source`` of ``sources`` has sent all that it has up to ``time``; 0 if it has nothing new."""
        known = self._sources.get(source)
        self._sources[source] = Source(max(time, known.time if known else 0), at_end)
        if len(self._sources) >= sources:
            behind = [s.time for s in self._sources.values() if not s.at_end]
            self.observe(min(behind) if behind else max(s.time for s in self._sources.values()))

    def idle(self, elapsed: int) -> int:
        """The time that is reached when nothing has come for ``elapsed`` ms of wall-clock time: later than progress if
        every source is at its end.
        """
        at_end = all(source.at_end for source in self._sources.values())
        return self.progress + elapsed if self.progress and at_end else self.progress

    def snapshot(self) -> dict[str, object]:
        """Everything as JSON values, for ``restore``."""
        return {"progress": self.progress, "sources": [[number, *source] for number, source in self._sources.items()]}

    def restore(self, snapshot: object) -> None:
        """Continue from a snapshot; raise ValueError for what is none."""
        match snapshot:
            case {"progress": int(progress), "sources": list(sources)}:
                self.progress = progress
                self._sources = dict(_source(entry) for entry in sources)
            case _:
                raise ValueError("no snapshot of a clock")


def _source(entry: object) -> tuple[int, Source]:
    match entry:
        case [int(number), int(time), bool(at_end)]:
            return number, Source(time, at_end)
        case _:
            raise ValueError("no snapshot of a clock's source")
