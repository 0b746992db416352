"""The route stage: raw lines with any key → the same bytes keyed by block, so that one worker sees all of a block.

Lines leave their envelopes here, and lines of a stack trace become chains (``stream.lines.continued``), each under the
blocks of the line that they belong to.

After the lines of a commit it tells every lines partition how far each raw partition has come (control records), for
only the route stage knows. A raw partition that is at its end holds nobody up, but only after a while: whoever writes
fast fills one partition after the other, and the ones that wait for their turn are not idle. So it is, too, when lines
come after a rest of all.

Raw partitions that rest, its own or another worker's, may have got lines meanwhile. So before it tells anything, it
asks where they end by now: its own are awake again, and of the others it is a witness (``stream.windows.clock`` says
why that is enough). Where nobody answers, nothing is told until somebody does: event time waits, and is never ahead.

What it knows of a raw partition's time goes with its committed offset, as Kafka Streams does with partition time, so
that the next owner goes on from there; and with it the last line, which the next one may belong to. Sends nothing
itself: records go to ``emit``; ends, and the time that went by, in s, come in.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from stream.kafka.messages import (
    Emit,
    EmitLines,
    Headers,
    Keyed,
    Message,
    Record,
    SourceReport,
    Witness,
    control_record,
    dead_letter,
    label_of,
    one_by_one,
)
from stream.lines import BadLine, LineReader
from stream.lines.continued import Head, chain_record, unpacked
from stream.lines.log import Entry, Log, to_be_opened
from stream.settings import Settings
from stream.windows.source import SourceClock

Ends = Callable[[list[int]], Mapping[int, int] | None]
"""Where these raw partitions end by now, for readers of what is committed; None if that cannot be known now."""
_LONGEST_NOTE = 2000  # a broker takes 4,096 bytes (offset.metadata.max.bytes)


@dataclass(slots=True)
class _Progress:
    clock: SourceClock
    log: Log
    offset: int  # up to which it is read
    end_since: float | None = None  # when its end was reached, in s
    at_end: bool = False
    told: bool = False


class _Lines:
    """Lines of a topic that wait to be sent together."""

    def __init__(self, topic: str, emit: EmitLines) -> None:
        self.topic = topic
        self._emit = emit
        self._waiting: list[Keyed] = []
        self.add = self._waiting.append

    def send(self) -> None:
        if self._waiting:
            self._emit(self.topic, self._waiting)
            self._waiting.clear()


class RouteStage:
    """Routes the raw partitions of one worker; ``sources`` and ``inputs`` count raw and lines partitions."""

    def __init__(
        self, settings: Settings, reader: LineReader, sources: int, inputs: int, ends: Ends = lambda partitions: {}
    ) -> None:
        self.settings = settings
        self.sources = sources
        self.inputs = inputs
        self.lines = self.bytes = self.no_block = 0
        self.continued = 0  # lines that belong to the line before them
        self.dead_by: Counter[str] = Counter()  # dead letters by reason
        self._reader = reader
        self._parts = to_be_opened if reader.forced else reader.parts
        self._ends = ends
        self._progress: dict[int, _Progress] = {}
        self._witnessed: dict[int, int] = {}
        self._resting = False
        self._past_jumps = 0  # of partitions that it does not hold any more

    @property
    def partitions(self) -> list[int]:
        """The raw partitions that it holds."""
        return list(self._progress)

    @property
    def dead(self) -> int:
        """Dead letters."""
        return self.dead_by.total()

    @property
    def jumps(self) -> int:
        """Lines whose time was too far ahead to be followed."""
        return self._past_jumps + sum(progress.clock.jumps for progress in self._progress.values())

    def assign(self, partition: int, offset: int = 0, note: str | None = None) -> None:
        """Begin with a raw partition at its committed offset; ``note`` is what ``notes`` said about it then.

        More may be waiting there, and that is told first. A note that is missing, or another program's, says nothing.
        """
        clock, head = SourceClock(self.settings.max_jump), None
        with suppress(ValueError):
            kept = orjson.loads(note or "null")
            head = unpacked(kept.pop("head", None)) if isinstance(kept, dict) else None
            clock.restore(kept)
        self.revoke(partition)
        self._progress[partition] = _Progress(clock, Log(self._reader, head), max(offset, 0))
        self._witnessed = {}  # what was told may be undone

    def revoke(self, partition: int) -> None:
        """Forget a raw partition."""
        if (gone := self._progress.pop(partition, None)) is not None:
            self._past_jumps += gone.clock.jumps

    def lines_of(
        self, partition: int, messages: Sequence[Message], emit: Emit, emit_lines: EmitLines | None = None
    ) -> None:
        """Send each line of a partition to each block it names; what cannot be read to the dead letters; count what
        names no block. Lines without a label, as nearly all are, go to ``emit_lines``, many at a time.
        """
        progress = self._progress[partition]
        progress.offset = messages[-1].offset() + 1
        progress.end_since = None
        progress.at_end = progress.told = False
        self.lines += len(messages)
        parts, observe = self._parts, progress.clock.observe
        only, windowed = self._reader.blocks.only, self._reader.blocks.windowed
        lines = _Lines(self.settings.lines_topic, emit_lines or one_by_one(emit))
        usual: tuple[int, str, bytes] | None = None  # of the line before, if it named one block
        for message in messages:
            raw = message.value() or b""
            try:
                time, text, mentions = parts(raw)
                block = only(raw, mentions)
                if block is not None:
                    observe(time)
                    if message.headers() is None:
                        lines.add((block, raw))
                    else:
                        lines.send()  # or it would overtake those before
                        emit(Record(lines.topic, block, raw, label_of(message)))
                    usual = time, text, block
                    continue
                usual = None
                blocks = tuple(windowed(raw)) if mentions else ()
                if blocks:
                    lines.send()
                    self._send(progress, Entry(time, text, blocks, raw), label_of(message), emit)
                else:
                    self.no_block += 1
                progress.log.head = Head(time, text, blocks)
                continue
            except BadLine:  # which may not matter, where it names no block
                pass
            if usual:
                progress.log.head = Head(usual[0], usual[1], usual[2:])
                usual = None
            lines.send()
            self._look(progress, message, raw, emit)
        lines.send()
        if usual:
            progress.log.head = Head(usual[0], usual[1], usual[2:])

    def _look(self, progress: _Progress, message: Message, raw: bytes, emit: Emit) -> None:
        """Any message; nearly all do not need this."""
        log, before, sent = progress.log, progress.log.continued, False
        try:
            inners = log.messages(raw)
        except BadLine as bad:
            self._refuse(message, bad, None, emit)
            return
        for inner in inners:
            try:
                entry = log.entry(inner)
            except BadLine as bad:
                sent = True
                self._refuse(message, bad, inner.line if len(inners) > 1 else None, emit)
                continue
            if entry is not None:
                sent = True
                self._send(progress, entry, label_of(message), emit)
        if log.continued > before:
            self.continued += log.continued - before
        elif not sent:
            self.no_block += 1

    def _send(self, progress: _Progress, entry: Entry, label: Headers | None, emit: Emit) -> None:
        """A line, as it is without an envelope, or a chain: to each block of it."""
        if entry.chain:
            value = chain_record(entry.time, entry.text)
        else:
            value = entry.line
            progress.clock.observe(entry.time)
        for block in entry.blocks:
            emit(Record(self.settings.lines_topic, block, value, label))

    def _refuse(self, message: Message, bad: BadLine, line: bytes | None, emit: Emit) -> None:
        """A dead letter; of a message of many lines only the ``line`` that is bad, so that it can be put back alone."""
        self.dead_by[bad.reason] += 1
        letter = dead_letter(self.settings.dead_letter_topic, message, bad)
        emit(letter if line is None else letter._replace(value=line))

    def at_end(self, partition: int, now: float, offset: int) -> None:
        """Nothing more is waiting in this raw partition, which ends at ``offset``: behind its last line, or behind the
        marks that transactions have left there.
        """
        progress = self._progress.get(partition)
        if progress is None:
            return
        if progress.end_since is None:
            progress.end_since = now
        if offset > progress.offset:
            progress.offset = offset
            progress.told = progress.told and not progress.at_end

    def notes(self) -> dict[int, str]:
        """What is to be kept with the committed offset of each raw partition: the time that is believed, and the line
        that the next one may go on with.
        """
        return {partition: _note(progress) for partition, progress in self._progress.items()}

    def tell(self, now: float, emit: Emit) -> None:
        """Tell every lines partition what has changed since the last call; call once a commit, after its lines."""
        if self._resting and not all(progress.at_end for progress in self._progress.values()):
            self._wake(now)
        self._rest(now)
        if all(progress.told for progress in self._progress.values()):
            return
        ends = self._ends(asked) if (asked := self._unwatched()) else {}
        if ends is None:
            return
        # What holds event time back comes first: it never goes back.
        self._wake_those_behind(ends)
        self._bear_witness(ends, emit)
        news = [(source, progress) for source, progress in self._progress.items() if not progress.told]
        for source, progress in sorted(news, key=lambda item: (item[1].at_end, item[1].clock.progress)):
            progress.told = True
            report = SourceReport(source, self.sources, progress.clock.progress, progress.at_end, progress.offset)
            self._tell_all(report, emit)

    def _unwatched(self) -> list[int]:
        """The raw partitions that may have lines which this worker does not see coming."""
        awake = {source for source, progress in self._progress.items() if not progress.at_end}
        return [source for source in range(self.sources) if source not in awake]

    def _wake_those_behind(self, ends: Mapping[int, int]) -> None:
        for source, progress in self._progress.items():
            if progress.at_end and ends.get(source, 0) > progress.offset:
                progress.end_since = None
                progress.at_end = progress.told = False

    def _bear_witness(self, ends: Mapping[int, int], emit: Emit) -> None:
        moved = {n: end for n, end in ends.items() if n not in self._progress and end > self._witnessed.get(n, 0)}
        if moved:
            self._witnessed |= moved
            self._tell_all(Witness(self.sources, tuple(moved.items())), emit)

    def _tell_all(self, report: SourceReport | Witness, emit: Emit) -> None:
        for target in range(self.inputs):
            emit(control_record(self.settings.lines_topic, target, report))

    def _rest(self, now: float) -> None:
        idle_since = now - self.settings.idle_after / 1000
        for progress in self._progress.values():
            if progress.end_since is not None and not progress.at_end and progress.end_since <= idle_since:
                progress.at_end, progress.told = True, False
                progress.clock.settle()
        self._resting = all(progress.at_end for progress in self._progress.values())

    def _wake(self, now: float) -> None:
        for progress in self._progress.values():
            if progress.at_end:
                progress.end_since = now
                progress.at_end = progress.told = False


def _note(progress: _Progress) -> str:
    clock, head = progress.clock, progress.log.head
    kept = clock.snapshot()
    if len(orjson.dumps(kept)) > _LONGEST_NOTE:
        kept = {"progress": clock.progress, "run": []}
    if head is not None and head.bearable:
        kept["head"] = head.values()
    return orjson.dumps(kept).decode()
