"""The sentence on top: what is wrong now, where, since when; or that nothing is. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from stream.serve.events import Entry
from stream.serve.filters import Filter
from stream.serve.page.words import ago, counted, of_day, span

Tone = Literal["critical", "warning", "calm", "away"]
MOST_COMPONENTS = 3


class Headline(NamedTuple):
    """``what`` in large, ``where`` and ``when`` below it."""

    tone: Tone
    what: str
    where: str
    when: str


def headline(alarms: Sequence[Entry], others: int, windows: int, now: int, wanted: Filter, ready: bool) -> Headline:
    """``alarms`` are those that are ``wanted``; ``others`` counts the rest, ``windows`` what was scored."""
    if not alarms:
        return _calm(others, windows, now, wanted, ready)
    grades = Counter(entry.event["severity"] for entry in alarms)
    named = [f"{grades[name]:,} {name}" for name in ("critical", "warning", "notice", "normal") if grades[name]]
    what = f"{' and '.join(named)} {'block' if len(alarms) == 1 else 'blocks'}"
    begun = min(entry.began for entry in alarms)
    latest = max(entry.began for entry in alarms)
    when = f"First alarm {ago(begun, now)} ({of_day(begun)} UTC)"
    if latest != begun:
        when += f", newest {ago(latest, now)}"
    return Headline("critical" if grades["critical"] else "warning", what, _where(alarms), when)


def _calm(others: int, windows: int, now: int, wanted: Filter, ready: bool) -> Headline:
    if not windows:
        what = "Nothing was scored yet" if ready else "Reading what is there"
        return Headline(
            "calm", what, "", "Windows come as soon as tinylogbert consume publishes them." if ready else ""
        )
    scored = f"{counted(windows, 'window')} scored"
    what = "No anomalies"
    if wanted.alarmed is not None:
        what += f" in the last {span((now - wanted.alarmed) / 1000)}"
    if wanted.narrow:
        what += " that fit the filters"
    when = f"{others:,} others. {scored}." if others else f"{scored}, none is anomalous by now."
    return Headline("calm", what, "", when)


def _where(alarms: Sequence[Entry]) -> str:
    found = Counter(entry.component for entry in alarms if entry.component)
    shown = [f"{name} ({number:,})" for name, number in found.most_common(MOST_COMPONENTS)]
    rest = len(found) - len(shown)
    return ", ".join(shown) + (f" and {counted(rest, 'other component')}" if rest > 0 else "")
