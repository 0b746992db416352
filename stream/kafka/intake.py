"""What the score stage reads: a partition's messages → its windows, dead letters for what cannot be read.

Nearly all messages are a line of the block that is their key, and are windowed in one loop; any other is looked at.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.errors import InputError
from stream.kafka.messages import Message, Record, SourceReport, dead_letter, read_control
from stream.kafka.partitioners import Keying
from stream.lines import BadLine, LineReader
from stream.lines.blocks import HDFS, only_block
from stream.lines.continued import read_chain
from stream.lines.log import Entry, Log, to_be_opened
from stream.settings import Settings
from stream.windows.task import WindowTask


@dataclass(slots=True)
class Slot:
    """A partition that a worker holds; ``end_since`` is when its end was reached, in s; ``letters`` wait to be sent."""

    task: WindowTask
    end_since: float | None = None
    letters: list[Record] = field(default_factory=list)


class Intake:
    """Counts ``lines``, those that name ``no_block``, and dead letters by reason (``dead_by``).

    ``inputs`` is the number of partitions of the whole topic, None if it is not known.
    """

    def __init__(self, settings: Settings, reader: LineReader, inputs: int | None) -> None:
        self.lines = self.no_block = 0
        self.dead_by: Counter[str] = Counter()
        self._settings = settings
        self._keyed = settings.keyed_input
        self._keying = Keying(inputs) if inputs and settings.keyed_input else None
        self._reader = reader
        self._parts = to_be_opened if reader.forced and settings.keyed_input else reader.parts

    def read(self, slot: Slot, messages: Iterable[Message]) -> None:
        """Window the lines of a partition, or obey control records; what cannot be read becomes a dead letter."""
        slot.end_since = None
        parts, add, holds = self._parts, slot.task.add, slot.task.store.holds
        only_names = _only_names if self._reader.blocks is HDFS else self._only_finds
        keyed = self._keyed
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

    def _look(self, slot: Slot, message: Message) -> None:
        """Any message; nearly all lines do not need this."""
        try:
            if (told := read_control(message)) is not None:
                slot.task.report(*told) if isinstance(told, SourceReport) else slot.task.witness(*told)
                return
            self.lines += 1
            windows = len(slot.task.store) if self._keying else 0
            if self._keyed:
                self._open(slot, message)
            else:
                self._routed(slot, message)
            if self._keying and len(slot.task.store) > windows:  # once a window, and not at every line
                self._check_partition(self._keying, message)
        except BadLine as bad:
            self._refuse(slot, message, bad)

    def _routed(self, slot: Slot, message: Message) -> None:
        """What the route stage sent: a line of the block that is its key, or a chain."""
        raw, key = message.value() or b"", message.key()
        if key and (chain := read_chain(raw)) is not None:
            slot.task.add(key, *chain, message.offset())
        elif not key or key not in raw:
            raise BadLine("key", f"the key {(key or b'')[:100]!r} is not named in its line, as route would have it")
        else:
            slot.task.line(key, raw, message.offset())

    def _open(self, slot: Slot, message: Message) -> None:
        """A message of keyed input, which may hold lines that name no block. What goes on with the line before it in
        another message is not known to: lines with other keys lie between them.
        """
        raw = message.value() or b""
        if (plain := self._plain(raw)) is not None:
            if plain.blocks:
                self._add(slot, message, plain)
            else:
                self.no_block += 1
            return
        log, sent = Log(self._reader), False
        inners = log.messages(raw)
        for inner in inners:
            try:
                if (entry := log.entry(inner)) is not None:
                    sent = True
                    self._add(slot, message, entry)
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

    def _add(self, slot: Slot, message: Message, entry: Entry) -> None:
        key = message.key()
        if key is None or key not in entry.blocks:
            raise InputError(
                f"a line with key {(key if key is None else key[:100])!r} names block {entry.blocks[0].decode()} "
                f"({_place(message)}): the topic is not keyed by block; run without --keyed-input"
            )
        slot.task.add(key, entry.time, entry.text, message.offset(), entry.chain)

    def _refuse(self, slot: Slot, message: Message, bad: BadLine, line: bytes | None = None) -> None:
        """A dead letter; of a message of many lines only the ``line`` that is bad, so that it can be put back alone."""
        self.dead_by[bad.reason] += 1
        letter = dead_letter(self._settings.dead_letter_topic, message, bad)
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
