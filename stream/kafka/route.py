"""The route stage: raw lines with any key → the same bytes keyed by block, so that one worker sees all of a block.

After the lines of a commit it tells every lines partition how far each raw partition has come (control records), for
only the route stage knows. A raw partition that is at its end holds nobody up, but only after a while: whoever writes
fast fills one partition after the other, and the ones that wait for their turn are not idle. So it is, too, when lines
come after a rest of all. Sends nothing itself: records go to ``emit``; the time that went by, in s, comes in.
"""

from dataclasses import dataclass

from stream.kafka.messages import Emit, Message, Record, SourceReport, control_record, dead_letter, label_of
from stream.lines import BadLine, LineReader, block_ids
from stream.lines.reader import check
from stream.settings import Settings


@dataclass(slots=True)
class _Progress:
    time: int = 0
    end_since: float | None = None  # when its end was reached, in s
    at_end: bool = False
    told: bool = False


class RouteStage:
    """Routes the raw partitions of one worker; ``sources`` and ``targets`` count raw and lines partitions."""

    def __init__(self, settings: Settings, reader: LineReader, sources: int, targets: int) -> None:
        self.settings = settings
        self.lines = self.no_block = self.dead = 0
        self._reader = reader
        self._sources = sources
        self._targets = targets
        self._progress: dict[int, _Progress] = {}
        self._resting = False

    def assign(self, partition: int) -> None:
        """Begin with a raw partition of which nothing is known: more may be waiting there, and that is told first."""
        self._progress[partition] = _Progress()

    def revoke(self, partition: int) -> None:
        """Forget a raw partition."""
        self._progress.pop(partition, None)

    def line(self, message: Message, emit: Emit) -> None:
        """Send a line to each block it names; what cannot be read to the dead letters; count what names no block."""
        self.lines += 1
        raw = message.value() or b""
        progress = self._progress[message.partition()]
        progress.end_since = None
        progress.at_end = progress.told = False
        try:
            check(raw)
            blocks = block_ids(raw)
            if not blocks:
                self.no_block += 1
                return
            time = self._reader.read(raw).time
        except BadLine as bad:
            self.dead += 1
            emit(dead_letter(self.settings.dead_letter_topic, message, bad))
            return
        if time > progress.time:
            progress.time = time
        label = label_of(message)
        for block in blocks:
            emit(Record(self.settings.lines_topic, block, raw, label))

    def at_end(self, partition: int, now: float) -> None:
        """Nothing more is waiting in this raw partition."""
        progress = self._progress.get(partition)
        if progress is not None and progress.end_since is None:
            progress.end_since = now

    def tell(self, now: float, emit: Emit) -> None:
        """Tell every lines partition what has changed since the last call; call once a commit, after its lines."""
        if self._resting and not all(progress.at_end for progress in self._progress.values()):
            self._wake(now)
        self._rest(now)
        news = [(source, progress) for source, progress in self._progress.items() if not progress.told]
        # What holds event time back comes first: it never goes back.
        for source, progress in sorted(news, key=lambda item: (item[1].at_end, item[1].time)):
            progress.told = True
            report = SourceReport(source, self._sources, progress.time, progress.at_end)
            for target in range(self._targets):
                emit(control_record(self.settings.lines_topic, target, report))

    def _rest(self, now: float) -> None:
        idle_since = now - self.settings.idle_after / 1000
        for progress in self._progress.values():
            if progress.end_since is not None and not progress.at_end and progress.end_since <= idle_since:
                progress.at_end, progress.told = True, False
        self._resting = all(progress.at_end for progress in self._progress.values())

    def _wake(self, now: float) -> None:
        for progress in self._progress.values():
            if progress.at_end:
                progress.end_since = now
                progress.at_end = progress.told = False
