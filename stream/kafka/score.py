"""The score stage: lines keyed by block → windows → events. One ``WindowTask`` a partition.

Sends nothing itself: ``publish`` gives all records of a commit to ``emit``, and only once everything is judged, since
judging may take longer than a transaction may be open. The time that went by, in s, comes in.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.drift import Drift
from stream.errors import InputError
from stream.kafka.messages import Emit, Message, Record, SourceReport, dead_letter, event_value, read_control
from stream.kafka.pace import Pace
from stream.kafka.partitioners import Keying
from stream.kafka.tally import Tally
from stream.lines import BadLine, LineReader
from stream.lines.blocks import HDFS, only_block
from stream.lines.continued import read_chain
from stream.lines.log import Entry, Log, to_be_opened
from stream.scoring import Measured, Remembers, Scorer, Work
from stream.settings import Settings
from stream.windows.judge import Judged
from stream.windows.task import WindowTask


@dataclass(slots=True)
class _Slot:
    task: WindowTask
    end_since: float | None = None  # when the end of the partition was reached, in s
    letters: list[Record] = field(default_factory=list)


class ScoreStage:
    """The input partitions of one worker; ``inputs`` counts those of the whole topic, None if that is not known."""

    def __init__(self, settings: Settings, scorer: Scorer, reader: LineReader, inputs: int | None = None) -> None:
        self.settings = settings
        self.inputs = inputs
        self._keying = Keying(inputs) if inputs and settings.keyed_input else None
        self.lines = self.bytes = self.no_block = self.scored = self.anomalies = 0
        self.dead_by: Counter[str] = Counter()  # dead letters by reason
        self.published = Tally()  # by what is committed
        self._publishing = Tally()
        self._past: Counter[str] = Counter()  # figures of partitions that it does not hold any more
        self._scorer = scorer
        self._reader = reader
        self._parts = to_be_opened if reader.forced and settings.keyed_input else reader.parts
        self._slots: dict[int, _Slot] = {}
        self._turn = 0
        self._pace = Pace()
        self.drift = Drift()  # of the windows that this worker closed
        self._closed: list[float] = []  # p-values that the commit under way publishes

    @property
    def partitions(self) -> list[int]:
        """The partitions that it holds."""
        return list(self._slots)

    @property
    def open_windows(self) -> int:
        """Open windows of all partitions."""
        return sum(len(slot.task.store) for slot in self._slots.values())

    @property
    def dead(self) -> int:
        """Dead letters."""
        return self.dead_by.total()

    @property
    def evicted(self) -> int:
        """Windows that closed because too many were open: they depend on the number of partitions."""
        return self._past["evicted"] + sum(slot.task.store.evicted for slot in self._slots.values())

    @property
    def late(self) -> int:
        """Lines that came later than the lateness."""
        return self._past["late"] + sum(slot.task.store.late for slot in self._slots.values())

    @property
    def jumps(self) -> int:
        """Lines whose time was too far ahead to be followed; of unkeyed input the route stage counts them."""
        return self._past["jumps"] + sum(slot.task.clock.jumps for slot in self._slots.values())

    @property
    def remembered(self) -> float | None:
        """The share of windows whose score was remembered; None if the scorer does not say."""
        return self._scorer.remembered if isinstance(self._scorer, Remembers) else None

    @property
    def work(self) -> Work | None:
        """What the scorer has done since it was loaded; None if it does not say."""
        return self._scorer.work if isinstance(self._scorer, Measured) else None

    @property
    def checkpoint(self) -> str:
        """Name of what scores now."""
        return self._scorer.checkpoint

    def new_task(self, partition: int) -> WindowTask:
        """The task of a partition, as it is before its changelog is read."""
        source = (self.settings.input_topic, partition)
        keyed = self.settings.keyed_input
        return WindowTask(
            self.settings.windows, self._scorer, self._reader, source, own_clock=keyed, partitions=self.inputs
        )

    def assign(self, partition: int, task: WindowTask) -> None:
        """Take a partition over, with its task as it is restored."""
        self.revoke(partition)
        self._slots[partition] = _Slot(task)

    def task(self, partition: int) -> WindowTask:
        """The task of a partition that it holds."""
        return self._slots[partition].task

    def revoke(self, partition: int) -> None:
        """Forget a partition; its state is in the changelog."""
        if (gone := self._slots.pop(partition, None)) is not None:
            store = gone.task.store
            self._past.update(late=store.late, evicted=store.evicted, jumps=gone.task.clock.jumps)

    def lines_of(self, partition: int, messages: Iterable[Message]) -> None:
        """Window the lines of a partition, or obey control records; what cannot be read becomes a dead letter."""
        slot = self._slots[partition]
        slot.end_since = None
        parts, add, holds = self._parts, slot.task.add, slot.task.store.holds
        only_names = _only_names if self._reader.blocks is HDFS else self._only_finds
        keyed = self.settings.keyed_input
        usual = 0
        for message in messages:
            raw, key = message.value(), message.key()
            if raw and key:
                try:
                    time, text, mentions = parts(raw)
                except BadLine:  # which may not matter, where it names no block
                    self._look(slot, message)
                    continue
                if not keyed:
                    names = key in raw
                elif holds(key):
                    names = only_names(raw, key, mentions)
                else:
                    names = self._begins(raw, key, mentions, message)
                if names:
                    usual += 1
                    add(key, time, text, message.offset())
                    continue
            self._look(slot, message)
        self.lines += usual

    def _begins(self, raw: bytes, key: bytes, mentions: int, message: Message) -> bool:
        """Whether a line of keyed input is the first of its key's window, and names no other block."""
        if self._reader.blocks.only(raw, mentions) != key:
            return False
        if self._keying:
            self._check_partition(self._keying, message)
        return True

    def _look(self, slot: _Slot, message: Message) -> None:
        """Any message; nearly all lines do not need this."""
        try:
            if (told := read_control(message)) is not None:
                slot.task.report(*told) if isinstance(told, SourceReport) else slot.task.witness(*told)
                return
            self.lines += 1
            windows = len(slot.task.store) if self._keying else 0
            if self.settings.keyed_input:
                self._open(slot, message)
            else:
                self._routed(slot, message)
            if self._keying and len(slot.task.store) > windows:  # once a window, and not at every line
                self._check_partition(self._keying, message)
        except BadLine as bad:
            self._refuse(slot, message, bad)

    def look_again(self) -> None:
        """Another checkpoint scores from now on: see ``WindowTask.look_again``."""
        self.drift.restart()
        for slot in self._slots.values():
            slot.task.look_again()

    def at_end(self, partition: int, now: float) -> None:
        """Nothing more is waiting in this partition."""
        slot = self._slots.get(partition)
        if slot is not None and slot.end_since is None:
            slot.end_since = now

    @property
    def waiting(self) -> bool:
        """Whether more windows may be due than the last ``publish`` has judged: it may be called again at once."""
        return any(slot.task.waiting for slot in self._slots.values())

    def publish(self, now: float, emit: Emit) -> None:
        """Judge what is due, then send events, dead letters and changes; call once a commit.

        Where the time jumps, very many windows are due at once. They are judged in slices, over all partitions in turn,
        so that offsets and alarms need not wait for the last of them.
        """
        judged = self._judged(now)
        self._closed, self._publishing = [], Tally()  # what an aborted commit closed is closed again
        for partition, slot in self._slots.items():
            letters, slot.letters = slot.letters, []
            for letter in letters:
                emit(letter)
            for event in judged[partition]:
                self._publish(event, emit)
            for key, value in slot.task.changes():
                emit(Record(self.settings.windows_topic, key, value, None, partition))

    def committed(self) -> None:
        """What ``publish`` sent is committed."""
        for p_value in self._closed:
            self.drift.see(p_value)
        self.published.add(self._publishing)
        self._closed, self._publishing = [], Tally()

    def _judged(self, now: float) -> dict[int, list[Judged]]:
        judged = {}
        left = self._pace.slice(now, self.waiting)
        slots = list(self._slots.items())
        first = self._turn % max(len(slots), 1)
        for partition, slot in (*slots[first:], *slots[:first]):
            judged[partition] = self._judge(slot, now, left)
            left = max(left - slot.task.judged, 0)
        self._turn += 1
        return judged

    def _judge(self, slot: _Slot, now: float, most: int) -> list[Judged]:
        if slot.end_since is not None:
            idle = int((now - slot.end_since) * 1000)
            if idle >= self.settings.idle_after:
                slot.task.settle()
            slot.task.idle(idle, most)
        return slot.task.events(most)

    def _publish(self, judged: Judged, emit: Emit) -> None:
        self.scored += 1
        self._publishing.see(judged.event)
        value = event_value(judged.event)
        emit(Record(self.settings.scores_topic, judged.key, value))
        if judged.event["status"] == "closed":
            self._closed.append(judged.event["p_value"])
        if judged.event["anomalous"]:
            self.anomalies += 1
            emit(Record(self.settings.anomalies_topic, judged.key, value))

    def _routed(self, slot: _Slot, message: Message) -> None:
        """What the route stage sent: a line of the block that is its key, or a chain."""
        raw, key = message.value() or b"", message.key()
        if key and (chain := read_chain(raw)) is not None:
            slot.task.add(key, *chain, message.offset())
        elif not key or key not in raw:
            raise BadLine("key", f"the key {(key or b'')[:100]!r} is not named in its line, as route would have it")
        else:
            slot.task.line(key, raw, message.offset())

    def _open(self, slot: _Slot, message: Message) -> None:
        """A message of keyed input, which may hold lines that name no block. What goes on with the line before it in
        another message is not known to: lines with other keys lie between them.
        """
        raw = message.value() or b""
        if (plain := self._plain(raw)) is not None:
            if plain.blocks:
                self._keyed(slot, message, plain)
            else:
                self.no_block += 1
            return
        log, sent = Log(self._reader), False
        inners = log.messages(raw)
        for inner in inners:
            try:
                if (entry := log.entry(inner)) is not None:
                    sent = True
                    self._keyed(slot, message, entry)
            except BadLine as bad:
                sent = True
                self._refuse(slot, message, bad, inner.line if len(inners) > 1 else None)
        if not sent:
            self.no_block += 1

    def _plain(self, raw: bytes) -> Entry | None:
        """A line without an envelope that has a time, as nearly all are; None for any other message."""
        try:
            time, text, _ = self._parts(raw)
        except BadLine:
            return None
        return Entry(time, text, tuple(self._reader.blocks.windowed(raw)), raw)

    def _keyed(self, slot: _Slot, message: Message, entry: Entry) -> None:
        key = message.key()
        if key is None or key not in entry.blocks:
            raise InputError(
                f"a line with key {(key if key is None else key[:100])!r} names block {entry.blocks[0].decode()} "
                f"({_place(message)}): the topic is not keyed by block; run without --keyed-input"
            )
        slot.task.add(key, entry.time, entry.text, message.offset(), entry.chain)

    def _refuse(self, slot: _Slot, message: Message, bad: BadLine, line: bytes | None = None) -> None:
        """A dead letter; of a message of many lines only the ``line`` that is bad, so that it can be put back alone."""
        self.dead_by[bad.reason] += 1
        letter = dead_letter(self.settings.dead_letter_topic, message, bad)
        slot.letters.append(letter if line is None else letter._replace(value=line))

    def _only_finds(self, raw: bytes, key: bytes, mentions: int) -> bool:
        return self._reader.blocks.only(raw, mentions) == key

    def _check_partition(self, keying: Keying, message: Message) -> None:
        key = message.key() or b""
        if not keying.fits(key, message.partition()):
            raise InputError(
                f"a line with key {key!r} lies where no partitioner of keys puts it that fits the keys before it "
                f"({_place(message)}): lines of one block may lie on several partitions; run without --keyed-input"
            )


def _only_names(raw: bytes, key: bytes, mentions: int) -> bool:
    """Whether the key, which is known to be a block's id, is the only one that the line names."""
    if mentions != 1:
        return only_block(raw, mentions) == key
    begin = raw.find(key)
    end = begin + len(key)
    return begin >= 0 and not raw[end : end + 1].isdigit()


def _place(message: Message) -> str:
    return f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
