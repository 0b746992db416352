"""Event time of a partition that several sources feed: how far the log has come. Time is passed in, never read.

*Progress* is the greatest event time that every source has reached, and never goes back; the *watermark* is progress
less the allowed lateness (Akidau et al., The Dataflow Model, VLDB 2015). A partition of the lines topic is fed by every
partition of the raw topic: one of them may be hours behind another, so the slowest counts, unless it is at its end.

*At its end* is what two have to agree on. The owner of a source says that it has read all up to an offset. Whoever
reads another source asks Kafka, after reading and before telling how far it is, where the first one ends by then, and
tells that as a *witness*. A source with lines behind its owner's position is not at its end, whatever its owner said
last; it holds event time where it was until its owner has read them. So a worker that sleeps, or that died, is not
overtaken: what was written before the lines that another worker has read lies before the ends that it asks for
afterwards. (A producer may hold older lines back in its own batches; that is what ``idle_after`` is for.)

*A bad clock* of one source: progress climbs through the times of the sources, up to the slowest that counts, and takes
no step longer than ``max_jump`` unless more than half of the sources that ever sent a line are that far. It begins at
the least. Lines with bad clocks inside a source are that source's own affair: see ``source.py``.

What idleness adds is no part of progress: it lets live windows end when traffic does, but it decides nothing about a
line that comes later. So a log that is read again without the pauses gives the same.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Source(NamedTuple):
    """What is known of a partition of the raw topic: the event time that it has reached, whether its owner said that it
    is at its end, the offset up to which the owner has read, and the greatest end that a witness saw; -1 if unknown.
    """

    time: int = 0
    at_end: bool = False
    offset: int = -1
    seen: int = -1

    @property
    def resting(self) -> bool:
        """Whether nothing waits there. A report of the form without an offset is believed as it is."""
        return self.at_end and (self.offset < 0 or self.seen <= self.offset)


class EventClock:
    """The clock of one partition. Times are epoch milliseconds; 0 before anything is known."""

    jumps = 0
    """Lines that were not followed are counted where they are read, with the source."""

    def __init__(self, max_jump: int) -> None:
        self.progress = 0
        self._max_jump = max_jump
        self._sources: dict[int, Source] = {}

    @property
    def resting(self) -> bool:
        """Whether every source is at its end."""
        return bool(self._sources) and all(source.resting for source in self._sources.values())

    def report(self, source: int, sources: int, time: int, at_end: bool, offset: int = -1) -> None:
        """Source number ``source`` of ``sources`` has sent all that it has up to ``time`` (0 if it has nothing new) and
        up to ``offset``.
        """
        known = self._sources.get(source, Source())
        seen = known.seen if offset >= known.offset else -1  # set back: another topic under that name, or another start
        self._sources[source] = Source(max(time, known.time), at_end, offset, seen)
        self._merge(sources)

    def witness(self, sources: int, ends: Iterable[tuple[int, int]]) -> None:
        """Another worker saw that these of ``sources`` sources have lines up to an offset: ``(source, offset)``."""
        for source, end in ends:
            known = self._sources.get(source, Source())
            self._sources[source] = known._replace(seen=max(end, known.seen))
        self._merge(sources)

    def idle(self, elapsed: int) -> int:
        """The time that is reached when nothing has come for ``elapsed`` ms of wall-clock time: later than progress if
        every source is at its end.
        """
        return self.progress + elapsed if self.progress and self.resting else self.progress

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

    def _merge(self, sources: int) -> None:
        if len(self._sources) < sources:
            return
        behind = [source.time for source in self._sources.values() if not source.resting]
        reached = min(behind) if behind else max(source.time for source in self._sources.values())
        if self.progress and reached - self.progress <= self._max_jump:
            self.progress = max(reached, self.progress)
        else:
            self._climb(reached)

    def _climb(self, reached: int) -> None:
        times = sorted(source.time for source in self._sources.values() if source.time)
        for i, time in enumerate(times):
            if self.progress < time <= reached:
                far = self.progress and time - self.progress > self._max_jump
                if far and 2 * (len(times) - i) <= len(times):
                    return
                self.progress = time


def _source(entry: object) -> tuple[int, Source]:
    match entry:
        case [int(number), int(time), bool(at_end)]:
            return number, Source(time, at_end)
        case [int(number), int(time), bool(at_end), int(offset), int(seen)]:
            return number, Source(time, at_end, offset, seen)
        case _:
            raise ValueError("no snapshot of a clock's source")
