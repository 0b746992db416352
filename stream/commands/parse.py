"""``tinylogbert parse``: what is understood of a log, before anything is trained on it or sent. No broker is needed."""

from collections import Counter
from dataclasses import dataclass, field

import click
import orjson

from stream.commands.options import settings_options
from stream.commands.pipes import until_enough
from stream.commands.progress import reading
from stream.files import read_lines
from stream.lines import BadLine
from stream.lines.envelopes import Inner
from stream.lines.log import Entry, Log
from stream.settings import Settings
from stream.windows.judge import time_text

_EXAMPLES = 3  # of each kind
_SHOWN = 160  # bytes of an example


@dataclass
class Kind:
    """Lines that went the same way: how many, and the first of them."""

    lines: int = 0
    examples: list[str] = field(default_factory=list)

    def see(self, example: str) -> None:
        """One more."""
        self.lines += 1
        if len(self.examples) < _EXAMPLES and example not in self.examples:
            self.examples.append(example)


class Parsed:
    """What became of the messages of a log; ``kinds`` by what it was, ``envelopes`` by what they were in."""

    def __init__(self, settings: Settings) -> None:
        self.messages = 0
        self.envelopes: Counter[str] = Counter()
        self.kinds: dict[str, Kind] = {}
        self.blocks: set[bytes] = set()
        self.first: int | None = None
        self.last: int | None = None
        self._log = Log(settings.new_reader())

    def see(self, raw: bytes) -> None:
        """Read a message."""
        self.messages += 1
        try:
            inners = self._log.messages(raw)
        except BadLine as bad:
            self._bad(raw, bad)
            return
        if not inners:
            self._note("no block: it looks like an envelope, and no line is found in it", raw)
        for inner in inners:
            self._line(inner)

    def _line(self, inner: Inner) -> None:
        self.envelopes[inner.form] += 1
        before = self._log.continued
        try:
            entry = self._log.entry(inner)
        except BadLine as bad:
            self._bad(inner.line, bad)
            return
        if self._log.continued > before:
            self._note("belongs to the line before it", inner.line)
        elif entry is None:
            timed = self._log.head is not None and inner.line.strip() != b""
            self._note("no block" if timed else "no block, and no time", inner.line)
        else:
            self._windowed(entry)

    def _windowed(self, entry: Entry) -> None:
        self.blocks.update(entry.blocks)
        self.first = entry.time if self.first is None else min(self.first, entry.time)
        self.last = entry.time if self.last is None else max(self.last, entry.time)
        names = ", ".join(block.decode(errors="replace") for block in entry.blocks[:3])
        more = f" and {len(entry.blocks) - 3} more" if len(entry.blocks) > 3 else ""
        self.kinds.setdefault("windowed", Kind()).see(f"{time_text(entry.time)}  {names}{more}  {entry.text[:_SHOWN]}")

    def _bad(self, line: bytes, bad: BadLine) -> None:
        self.kinds.setdefault(f"dead letter: {bad.reason}", Kind()).see(f"{_shown(line)}  ({bad})")

    def _note(self, kind: str, line: bytes) -> None:
        self.kinds.setdefault(kind, Kind()).see(_shown(line))


@click.command(
    "parse",
    epilog="""\b
Examples:
  tinylogbert parse hdfs.log.gz
  tinylogbert parse yarn.log --block-pattern 'container_[0-9_]+'
  kcat -C -e -t logs | head -10000 | tinylogbert parse -

\b
A line becomes part of a window if it has a time and names a block (or what --block-pattern finds). Lines of a stack
trace belong to the line before them. Lines that name no block are counted and go nowhere; those that name one and
cannot be read become dead letters. docs/formats.md lists the forms that are known.""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options("format", "block_pattern", "timezone")
def parse_command(files: tuple[str, ...], as_json: bool, settings: Settings) -> None:
    """Show what is understood of log files, plain or gzip: how many lines of each kind, and examples."""
    parsed = Parsed(settings)
    with until_enough():
        with reading("reading") as told:
            for raw in read_lines(files, told):
                parsed.see(raw)
        click.echo(orjson.dumps(_object(parsed)) if as_json else _table(parsed))


def _object(parsed: Parsed) -> dict[str, object]:
    return {
        "messages": parsed.messages,
        "envelopes": dict(parsed.envelopes.most_common()),
        "blocks": len(parsed.blocks),
        "first_time": None if parsed.first is None else time_text(parsed.first),
        "last_time": None if parsed.last is None else time_text(parsed.last),
        "kinds": {name: {"lines": kind.lines, "examples": kind.examples} for name, kind in _by_lines(parsed)},
    }


def _table(parsed: Parsed) -> str:
    forms = ", ".join(f"{count:,} {form}" for form, count in parsed.envelopes.most_common())
    lines = [f"{parsed.messages:,} messages ({forms or 'none can be read'}), {len(parsed.blocks):,} blocks"]
    if parsed.first is not None and parsed.last is not None:
        lines.append(f"from {time_text(parsed.first)} to {time_text(parsed.last)}")
    for name, kind in _by_lines(parsed):
        lines += ["", f"{kind.lines:>10,}  {name}", *(f"            {example}" for example in kind.examples)]
    return "\n".join(lines)


def _by_lines(parsed: Parsed) -> list[tuple[str, Kind]]:
    return sorted(parsed.kinds.items(), key=lambda item: (-item[1].lines, item[0]))


def _shown(line: bytes) -> str:
    text = line[:_SHOWN].decode(errors="backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
