"""One window as a person looks at it: its raw lines in order, marked where they carry the score, and what misses."""

from collections.abc import Iterable
from typing import NamedTuple

from stream.kafka.blocklines import Found, Wanted, sources_of
from stream.kafka.chained import RawLine
from stream.serve.events import Entry, epoch_ms


class Marked(NamedTuple):
    """A raw line; ``surprise`` is None where the evidence does not name it."""

    raw: RawLine
    surprise: float | None


class Detail(NamedTuple):
    """``why`` says, if it is not empty, why there are fewer lines than the event counts."""

    entry: Entry
    lines: list[Marked]
    why: str


def wanted_of(entry: Entry, revisions: Iterable[Entry]) -> Wanted:
    """What there is to go by in search of a window's lines: all its events that are remembered."""
    event = entry.event
    known = [entry, *revisions]
    return Wanted(
        block=event["block_id"].encode(),
        first=epoch_ms(event["first_time"]),
        last=epoch_ms(event["last_time"]),
        lines=event["lines"],
        sources=tuple(dict.fromkeys(place for one in known for place in sources_of(one.event))),
        scored=tuple(sorted({entry.first_published, *(one.published for one in known)}))[:8],
    )


def detail_of(entry: Entry, found: Found) -> Detail:
    """Mark the lines that the evidence names."""
    surprises = {
        place: line["surprise"] for line in entry.event["evidence"] for place in sources_of({"evidence": [line]})
    }
    lines = [Marked(line, surprises.get(line.source)) for line in found.lines]
    why = ""
    if len(lines) < entry.event["lines"]:
        why = f"{len(lines):,} of {entry.event['lines']:,} lines: {found.why}"
    return Detail(entry, lines, why)


def expected_of(entry: Entry) -> list[str]:
    """Masked lines that the model expected, or that are missing, each once."""
    return list(dict.fromkeys(text for line in entry.event["evidence"] for text in line["expected"]))
