"""The panel of one block: how unusual, what shows it, what was expected, its lines in order, what else was wrong."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stream.serve.detail import Detail, expected_of
from stream.serve.events import Entry, epoch_ms
from stream.serve.page.components import Lines, Text, box
from stream.serve.page.rows import key_of, known_severity, line_rows, worst_line
from stream.serve.page.words import ago, counted, day_and_time, of_day, span, unusual
from stream.show import visible

_REASONS = {
    "quiet": "still open: more lines may come",
    "silence": "closed after silence",
    "max_lines": "closed, since it was full",
    "max_age": "closed, since it was too old",
    "evicted": "closed, since too many windows were open",
    "end of input": "closed at the end of the input",
}
_MANY = 12
_TO_THE_MARKED = "() => document.querySelector('.lines li.marked').scrollIntoView({block: 'center'})"
_SEVERITIES = ("critical", "warning", "notice", "normal")


def show_head(entry: Entry, now: int, leave: Callable[[], Any]) -> None:
    """Whose panel it is, and how unusual that is."""
    event = entry.event
    block, part = entry.key
    with box("header"):
        title = Text("h2", visible(block if part == 1 else f"{block}, part {part}"))
        title.props("tabindex=-1")
        close = Text("button", "Close", "plain")
        close.props('type=button aria-keyshortcuts="Escape"')
        close.on("click", lambda: leave())
    with box("p", "verdict"):
        Text("span", known_severity(entry), f"badge {known_severity(entry)}")
        Text("span", unusual(event["p_value"]))
    Text("p", _facts(entry, now), "quiet")
    if grades := _grades(event):
        Text("p", grades, "quiet")


def _facts(entry: Entry, now: int) -> str:
    event = entry.event
    first = epoch_ms(event["first_time"])
    end = of_day(entry.last) if first // 86_400_000 == entry.last // 86_400_000 else day_and_time(entry.last)
    when = f"from {day_and_time(first)} to {end} UTC ({span((entry.last - first) / 1000)})"
    facts = [
        f"{counted(event['lines'], 'line')} {when if first < entry.last else f'at {day_and_time(first)} UTC'}",
        _REASONS.get(event["reason"], event["reason"]),
        f"judged {counted(event['revision'], 'time')}, score {event['score']:.2f}",
    ]
    if entry.alarmed is not None:
        facts.append(f"alarm since {of_day(entry.alarmed)} UTC, {ago(entry.alarmed, now)}")
    return visible("; ".join([*facts, f"checkpoint {event['checkpoint']}"]))


def _grades(event: Any) -> str:
    match event.get("grades"):
        case {"critical": int() | float(), "warning": int() | float()} as grades:
            shown = [f"{name} {grades[name]:.0%}" for name in _SEVERITIES if isinstance(grades.get(name), int | float)]
            return "How sure the grade is: " + ", ".join(shown)
    return ""


def show_evidence(entry: Entry) -> None:
    """What carries the score, and what was expected instead or is missing."""
    evidence = entry.event["evidence"]
    if evidence:
        Text("h3", "What shows it")
        with box("ol", "evidence"):
            whole = sum(max(0.0, line["surprise"]) for line in evidence)
            for line in evidence:
                with box("li"):
                    share = max(0.0, line["surprise"]) / whole if whole > 0 else 0.0
                    Text("span", f"{share:.0%}", "share").props('title="its share of the surprise"')
                    Text("code", visible(line["text"]))
    if expected := expected_of(entry):
        Text("h3", "Expected instead, or missing")
        with box("ul", "expected"):
            for text in expected:
                with box("li"):
                    Text("code", visible(text))


def show_lines(detail: Detail | None) -> None:
    """The raw lines; None while they are looked up."""
    with box("h3", "bar"):
        Text("span", "Its lines in order")
        if detail and len(detail.lines) > _MANY and any(line.surprise is not None for line in detail.lines):
            jump = Text("button", "Go to the marked one", "plain").props("type=button")
            jump.on("click", js_handler=_TO_THE_MARKED)
    if detail is None:
        Text("p", "Looking them up in Kafka …", "quiet")
        return
    if detail.lines:
        Lines(line_rows(detail))
    if detail.why:
        Text("p", visible(detail.why), "quiet")


def show_neighbours(neighbours: Sequence[Entry], entry: Entry, choose: Callable[[str], Any]) -> None:
    """Other alarms whose last lines are near in time."""
    Text("h3", "Around the same time")
    if not neighbours:
        Text("p", "No other anomaly is known.", "quiet")
        return
    with box("ul", "neighbours"):
        for other in neighbours:
            with box("li"):
                seconds = (other.last - entry.last) / 1000
                when = "same time" if not seconds else f"{span(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"
                Text("span", when, "when")
                link = Text("button", visible(other.event["block_id"]), f"plain {known_severity(other)}").props(
                    "type=button"
                )
                link.on("click", partial(choose, key_of(other)), args=[])
                Text("span", worst_line(other), "line")
