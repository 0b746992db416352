"""How an event looks on a terminal: one row of a table, or two where the terminal is narrow. Knows no Kafka.

Log text comes from anywhere: whatever is not printable is shown as an escape, never obeyed.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

_STYLES = {"critical": "bold red", "warning": "yellow", "notice": "cyan", "normal": "dim"}
_WIDE = 120
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")  # what JSON lets through as it is
_GAP = "  "


class BadEvent(ValueError):
    """What was published is no event."""


class _Column(NamedTuple):
    title: str
    width: int
    text: Callable[[dict[str, Any]], str]
    right: bool = False


def parse_event(value: bytes | None) -> dict[str, Any]:
    """Read a published event; raise BadEvent unless it has the fields that are shown, of the right kinds."""
    try:
        event = orjson.loads(value or b"")
    except orjson.JSONDecodeError as error:
        raise BadEvent(f"no JSON: {error}") from error
    match event:
        case {
            "block_id": str(),
            "part": int(),
            "status": str(),
            "reason": str(),
            "score": int() | float(),
            "p_value": int() | float(),
            "severity": str(),
            "lines": int(),
            "last_time": str(),
            "evidence": list(evidence),
        } if all(isinstance(line, dict) and isinstance(line.get("text"), str) for line in evidence):
            return event  # type: ignore[no-any-return]
    raise BadEvent("fields are missing or of another kind")


def visible(text: str) -> str:
    """Show what a terminal would obey or hide: control characters, directions of writing, line ends.

    >>> visible("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible_json(value: bytes) -> bytes:
    """The same JSON with escapes for what a terminal would obey or hide."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", value.decode()).encode()


class EventTable:
    """Writes events to a console, a header before the first; asks for the terminal's width each time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._wide: bool | None = None

    def show(self, event: dict[str, Any]) -> None:
        """Write one event, as ``parse_event`` returns it."""
        wide = self._console.width >= _WIDE
        columns = _WIDE_COLUMNS if wide else _NARROW_COLUMNS
        if wide is not self._wide:
            self._wide = wide
            titles = [_fitted(column.title, column) for column in columns] + (["LINE"] if wide else [])
            self._print(Text(_GAP.join(titles), "bold"))
        row = Text(_GAP).join(Text(_fitted(visible(c.text(event)), c), _style(c, event)) for c in columns)
        line = Text(visible(_line(event)), "" if event["evidence"] else "dim")
        if wide:
            self._print(row + Text(_GAP) + line)
        else:
            self._print(row)
            self._print(Text(_GAP) + line)

    def _print(self, text: Text) -> None:
        self._console.print(text, no_wrap=True, overflow="ellipsis", crop=True)


def _fitted(text: str, column: _Column) -> str:
    return text.rjust(column.width) if column.right else set_cell_size(text, column.width)


def _style(column: _Column, event: dict[str, Any]) -> str:
    return _STYLES.get(event["severity"], "") if column.title == "SEVERITY" else ""


def _block(event: dict[str, Any]) -> str:
    part = f" #{event['part']}" if event["part"] != 1 else ""
    return f"{event['block_id']}{part}"


def _line(event: dict[str, Any]) -> str:
    """The line that carries most of the score; for a healthy window, why it was scored."""
    evidence = event["evidence"]
    return str(evidence[0]["text"]) if evidence else f"({event['reason']})"


_TIME = _Column("TIME", 19, lambda e: e["last_time"][:19].replace("T", " "))
_CLOCK = _Column("TIME", 8, lambda e: e["last_time"][11:19])
_SEVERITY = _Column("SEVERITY", 8, lambda e: e["severity"])
_BLOCK = _Column("BLOCK", 27, _block)
_SCORE = _Column("SCORE", 7, lambda e: f"{e['score']:.2f}", right=True)
_P_VALUE = _Column("P-VALUE", 7, lambda e: f"{e['p_value']:.1g}", right=True)
_LINES = _Column("LINES", 5, lambda e: str(e["lines"]), right=True)
_STATUS = _Column("STATUS", 6, lambda e: e["status"])
_WIDE_COLUMNS = (_TIME, _SEVERITY, _BLOCK, _SCORE, _P_VALUE, _LINES, _STATUS)
_NARROW_COLUMNS = (_CLOCK, _SEVERITY, _BLOCK, _SCORE, _P_VALUE, _LINES)
