"""The messages that the stages write: their keys, headers and values. Knows their form, not when they are sent."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from stream.lines import BadLine

Headers = list[tuple[str, bytes]]
WATERMARK = "watermark"
LABEL = "label"
REPLAYED = "replayed"


class Record(NamedTuple):
    """A message to be produced; ``partition`` None lets the key decide."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers | None = None
    partition: int | None = None


Emit = Callable[[Record], None]
Keyed = tuple[bytes, bytes]
"""Key and value of a line."""
EmitLines = Callable[[str, Sequence[Keyed]], None]
"""Takes lines for a topic, in their order."""


def one_by_one(emit: Emit) -> EmitLines:
    """Lines as records."""

    def emit_lines(topic: str, lines: Sequence[Keyed]) -> None:
        for key, value in lines:
            emit(Record(topic, key, value))

    return emit_lines


class Message(Protocol):
    """What the stages need of a consumed message (``confluent_kafka.Message`` has it)."""

    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> Headers | None: ...  # noqa: D102


class SourceReport(NamedTuple):
    """How far one raw partition is sent, by its owner: the body of a control record in the lines topic. It is read up
    to ``offset``; -1 where that is not known, in records of the form without it.
    """

    source: int
    sources: int
    time: int
    at_end: bool
    offset: int = -1


class Witness(NamedTuple):
    """Where raw partitions ended, each with its offset, when another worker than their owner looked: likewise."""

    sources: int
    ends: tuple[tuple[int, int], ...]


def control_record(topic: str, partition: int, report: SourceReport | Witness) -> Record:
    """The control record that tells a lines partition what is known of raw partitions."""
    return Record(topic, None, None, [(WATERMARK, orjson.dumps(tuple(report)))], partition)


def read_control(message: Message) -> SourceReport | Witness | None:
    """What a control record says; None for any other message. Raises BadLine for one that route did not write."""
    if message.key() is not None or message.value() is not None:
        return None
    value = dict(message.headers() or []).get(WATERMARK)
    if value is None:
        return None
    try:
        match orjson.loads(value):
            case [int(source), int(sources), int(time), bool(at_end)]:
                return SourceReport(source, sources, time, at_end)
            case [int(source), int(sources), int(time), bool(at_end), int(offset)]:
                return SourceReport(source, sources, time, at_end, offset)
            case [int(sources), list(ends)]:
                return Witness(sources, tuple(_end(entry) for entry in ends))
    except orjson.JSONDecodeError as error:
        raise BadLine("control", f"a control record is no JSON: {error}") from error
    raise BadLine("control", "a control record of an unknown form")


def _end(entry: object) -> tuple[int, int]:
    match entry:
        case [int(source), int(end)]:
            return source, end
    raise BadLine("control", "a control record of an unknown form")


def label_of(message: Message) -> Headers | None:
    """The label among a message's headers, which goes on with its lines; others may be of any size and stay behind."""
    headers = message.headers()
    if not headers:
        return None
    for header in headers:
        if header[0] == LABEL and len(header[1] or b"") == 1:
            return [header]
    return None


def dead_letter(topic: str, message: Message, bad: BadLine) -> Record:
    """The untouched bytes with the reason and the place they came from; the line's label stays with it."""
    headers = [
        ("reason", bad.reason.encode()),
        ("error", str(bad).encode()),
        ("source_topic", message.topic().encode()),
        ("source_partition", b"%d" % message.partition()),
        ("source_offset", b"%d" % message.offset()),
        *(label_of(message) or ()),
    ]
    return Record(topic, message.key(), message.value(), headers)


def receipt(topic: str, partition: int, offset: int) -> Record:
    """What says that the dead letter at this place was put back: no value, the place as key and as header.

    It goes into the letter's own partition, behind it: no retention, be it by time or by size, deletes it first.
    """
    place = b"%d/%d" % (partition, offset)
    return Record(topic, place, None, [(REPLAYED, place)], partition)


def read_receipt(message: Message) -> int | None:
    """The offset, in the same partition, of the letter that was put back; None for a message that is no receipt."""
    if message.value() is not None:
        return None
    number, _, offset = (dict(message.headers() or []).get(REPLAYED) or b"").partition(b"/")
    return int(offset) if offset.isdigit() and number == b"%d" % message.partition() else None


def event_value(event: dict[str, Any]) -> bytes:
    """An event as it is published: JSON in UTF-8."""
    return orjson.dumps(event)
