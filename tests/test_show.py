"""How an event looks on a terminal: columns that fit the width, and nothing that a terminal would obey."""

import io
from typing import Any

import orjson
import pytest
from rich.cells import cell_len
from rich.console import Console

from stream.show import BadEvent, EventTable, parse_event, visible

LINE = "dfs.DataNode$DataXceiver: writeBlock <block> received exception java.io.IOException: Could not read from stream"


def event(**changed: Any) -> dict[str, Any]:
    fields = {
        "schema": 1,
        "block_id": "blk_-1608999687919862906",
        "part": 1,
        "revision": 2,
        "status": "closed",
        "reason": "silence",
        "score": 3.214,
        "p_value": 0.0004,
        "anomalous": True,
        "severity": "critical",
        "lines": 19,
        "first_time": "2008-11-09T20:36:15Z",
        "last_time": "2008-11-09T20:41:02Z",
        "checkpoint": "hdfs-1a2b3c",
        "evidence": [{"time": "2008-11-09T20:41:02Z", "text": LINE, "surprise": 7.1, "expected": [], "source": []}],
    }
    return {**fields, **changed}


def shown(*events: dict[str, Any], width: int = 140, terminal: bool = False) -> str:
    out = io.StringIO()
    color = "standard" if terminal else None
    console = Console(file=out, width=width, force_terminal=terminal, color_system=color, highlight=False)
    table = EventTable(console)
    for one in events:
        table.show(one)
    return out.getvalue()


def test_a_wide_terminal_shows_a_row_an_event_under_one_header() -> None:
    healthy = event(part=2, evidence=[], severity="normal", score=-12.5, p_value=1.0, lines=4096)
    rows = [row.rstrip() for row in shown(event(), healthy, width=220).splitlines()]
    assert rows == [
        "TIME                 SEVERITY  BLOCK                          SCORE  P-VALUE  LINES  STATUS  LINE",
        f"2008-11-09 20:41:02  critical  blk_-1608999687919862906        3.21   0.0004     19  closed  {LINE}",
        "2008-11-09 20:41:02  normal    blk_-1608999687919862906 #2   -12.50        1   4096  closed  (silence)",
    ]


@pytest.mark.parametrize("width", [120, 119, 100, 80, 60, 40])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    rows = shown(event(), event(severity="warning"), width=width).splitlines()
    assert all(cell_len(row.rstrip()) <= width for row in rows)
    assert sum("blk_" in row for row in rows) == 2


def test_a_narrow_terminal_shows_the_line_beneath() -> None:
    rows = [row.rstrip() for row in shown(event(), width=80).splitlines()]
    assert rows[0] == "TIME      SEVERITY  BLOCK                          SCORE  P-VALUE  LINES"
    assert rows[1] == "20:41:02  critical  blk_-1608999687919862906        3.21   0.0004     19"
    assert rows[2].startswith("  dfs.DataNode$DataXceiver: writeBlock <block> received exception")
    assert rows[2].endswith("…")


def test_a_severity_has_its_colour() -> None:
    assert "\x1b[1;31mcritical\x1b[0m" in shown(event(), terminal=True)
    assert "\x1b" not in shown(event(), terminal=False)


def test_what_a_terminal_would_obey_is_shown_as_text() -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J\r\n[red]x[/red] \x9b31m \u202egnp.exe"
    changed = event(evidence=[{"text": nasty}], block_id="blk_1\x1b[2J", severity="c\x07", last_time="\x1b[H")
    text = shown(changed, width=200)
    assert r"\x1b]0;owned\x07\x1b[2J\r\n[red]x[/red] \x9b31m \u202egnp.exe" in text
    assert r"blk_1\x1b[2J" in text
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert len(text.splitlines()) == 2


def test_visible_leaves_letters_of_all_scripts_alone() -> None:
    assert visible("größe 数据 données 😀") == "größe 数据 données 😀"


def test_an_event_is_read_from_its_bytes() -> None:
    assert parse_event(orjson.dumps(event())) == event()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{}",
        orjson.dumps(event(score="high")),
        orjson.dumps(event(evidence=["a line"])),
        orjson.dumps(event(evidence=[{"text": 1}])),
        orjson.dumps(event(last_time=None)),
    ],
)
def test_what_is_no_event_is_refused(value: bytes | None) -> None:
    with pytest.raises(BadEvent):
        parse_event(value)
