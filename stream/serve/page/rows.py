"""Alarms as rows of a list, raw lines as rows of a log. Pure: what Vue gets, and it shows nothing but text."""

from collections.abc import Iterable, Sequence
from typing import Any

from stream.serve.detail import Detail
from stream.serve.events import RANKS, Entry
from stream.serve.page.words import day_and_time, odds, of_day, unusual
from stream.show import visible

MOST_LINES = 1_000
_AROUND = 200


def key_of(entry: Entry) -> str:
    """What names a window in the page."""
    block, part = entry.key
    return f"{block}/{part}"


def alarm_rows(alarms: Iterable[Entry]) -> list[dict[str, Any]]:
    """A row an alarm."""
    return [_row(entry) for entry in alarms]


def _row(entry: Entry) -> dict[str, Any]:
    event = entry.event
    block, part = entry.key
    return {
        "key": key_of(entry),
        "severity": known_severity(entry),
        "time": day_and_time(entry.last),
        "block": visible(block if part == 1 else f"{block} #{part}"),
        "line": worst_line(entry),
        "odds": odds(event["p_value"]),
        "title": unusual(event["p_value"]),
        "score": f"{event['score']:.2f}",
        "open": event["status"] == "open",
    }


def known_severity(entry: Entry) -> str:
    """The severity, for names of classes too: one of four."""
    severity: str = entry.event["severity"]
    return severity if severity in RANKS else "normal"


def worst_line(entry: Entry) -> str:
    """The line that carries most of the score, or what is missing if that is known alone."""
    evidence = entry.event["evidence"]
    return visible(evidence[0]["text"]) if evidence else "(no single line carries it)"


def line_rows(detail: Detail) -> list[dict[str, Any]]:
    """A row a raw line, and one that counts those that are left out where there are very many."""
    lines = detail.lines
    kept = range(len(lines)) if len(lines) <= MOST_LINES else _kept([line.surprise is not None for line in lines])
    days = {day_and_time(line.raw.time)[:10] for line in lines}
    say = of_day if len(days) < 2 else day_and_time
    rows: list[dict[str, Any]] = []
    before = -1
    for number in kept:
        if number > before + 1:
            rows.append(_left_out(before, number))
        line = lines[number]
        first, *trace = map(visible, line.raw.raw.decode(errors="replace").expandtabs(4).split("\n"))
        marked = line.surprise is not None
        rows.append(
            {"key": number, "time": say(line.raw.time), "text": first, "trace": "\n".join(trace), "marked": marked}
        )
        before = number
    if before + 1 < len(lines):
        rows.append(_left_out(before, len(lines)))
    return rows


def _left_out(before: int, number: int) -> dict[str, Any]:
    return {"key": f"before {number}", "skipped": f"… {number - before - 1:,} lines …"}


def _kept(marked: Sequence[bool]) -> list[int]:
    """Lines at the begin, at the end, and around those that are marked, so many in all."""
    wanted = {*range(_AROUND), *range(len(marked) - _AROUND, len(marked))}
    for number, is_marked in enumerate(marked):
        if is_marked:
            wanted.update(range(max(0, number - _AROUND // 4), min(len(marked), number + _AROUND // 4)))
    return sorted(wanted)[:MOST_LINES]
